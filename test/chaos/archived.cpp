// See archived.hpp.
#include "chaos/archived.hpp"

#include <csignal>
#include <filesystem>

#include "archive/receive/receive.hpp"

namespace pgkeel::chaos {

namespace fs = std::filesystem;

Archived::Archived(app::GuardEnvironment more, std::string durability) {
  more.emplace_back("PGKEEL_ARCHIVE_STORE", "archive");
  more.emplace_back("PGKEEL_ARCHIVE_DURABILITY", std::move(durability));
  scene_ = build_scene(std::move(more));
}

std::optional<archive::ReceiveStatus> Archived::status() const {
  auto read =
      archive::read_receive_status(scene_.stage->config().state_dir / archive::kReceiveStatusFile);
  return read ? std::optional(*std::move(read)) : std::nullopt;
}

bool Archived::has_backup() const {
  std::error_code error;
  const auto store = fs::path(scene_.stage->config().archive.store.where);
  for (const auto& entry : fs::directory_iterator(store / "backups", error))
    if (fs::exists(entry.path() / "backup.json", error)) return true;
  return false;
}

bool Archived::is_synchronous() {
  const auto rows =
      stage().sql("postgres", "select count(*) from pg_stat_replication where sync_state = 'sync'");
  return rows && rows->text(0, 0) == "1";
}

bool Archived::await_backup() {
  return test::wait_until([this] { return has_backup(); }, kPatience);
}
bool Archived::await_synchronous() {
  return test::wait_until([this] { return is_synchronous(); }, kPatience);
}

void Archived::lose_the_volume() {
  const auto server = postmaster_pid(stage());
  ASSERT_NE(server, 0);
  stage().note_broken();
  std::error_code error;
  fs::remove_all(stage().instance().data_dir(), error);
  static_cast<void>(::kill(server, SIGKILL));
}

}  // namespace pgkeel::chaos
