// See receive_fixture.hpp.
#include "integration/archive/receive/receive_fixture.hpp"

#include <sys/wait.h>
#include <algorithm>
#include <fstream>
#include <iterator>

#include "archive/catalog/layout.hpp"
#include "archive/codec/encoded.hpp"
#include "archive/storage/open.hpp"
#include "support/child.hpp"
#include "support/wait.hpp"

namespace pgkeel::test {
namespace {

constexpr std::size_t kSegmentBytes = pg::kDefaultWalSegmentBytes;
constexpr const char* kPgbench = "/usr/lib/postgresql/15/bin/pgbench";

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

archive::ReceiveRequest request_in(const std::filesystem::path& dir) {
  archive::ReceiveRequest request;
  request.store.where = (dir / "store").string();
  request.spool = dir / "store" / archive::kIncomingDirectory;
  request.state_dir = dir;
  request.encoding.threads = 0;
  request.encoding.level = 1;
  request.free_bytes_min = 0;
  return request;
}

}  // namespace

PostgresOptions archiving(const std::filesystem::path& directory, PostgresOptions options) {
  options.settings.emplace_back("archive_mode", "on");
  options.settings.emplace_back("archive_command", "cp %p " + directory.string() +
                                                       "/%f.new && mv " + directory.string() +
                                                       "/%f.new " + directory.string() + "/%f");
  return options;
}

ReceiveFixture::ReceiveFixture() : copies_(temp_ / "copies"), receiver_(request_in(temp_.path())) {
  std::filesystem::permissions(temp_.path(), std::filesystem::perms{0755});
  std::filesystem::create_directory(temp_ / "store");
  std::filesystem::create_directory(copies_);
  give_to_server(copies_);
}

void ReceiveFixture::start_server(PostgresOptions options) {
  server_ = std::make_unique<PostgresServer>(archiving(copies_, std::move(options)));
  receive_from(*server_);
}

void ReceiveFixture::receive_from(const PostgresServer& server) {
  archive::ServerAddress address{pg::parse_conninfo(server.conninfo()).value(), {}};
  receiver_.request().locate = [address] { return address; };
}

Lsn ReceiveFixture::server_lsn() {
  return parse_lsn(server().query("select pg_current_wal_flush_lsn()")).value();
}

void ReceiveFixture::start_load(int seconds) {
  const auto at = server().conninfo();
  run_child({kPgbench, "-i", "-q", "-s", "1", at}, copies_ / "pgbench.log");
  load_ = start_child({kPgbench, "-n", "-c", "4", "-T", std::to_string(seconds), at},
                      copies_ / "pgbench.log");
}

void ReceiveFixture::wait_load() {
  if (load_ > 0) ::waitpid(load_, nullptr, 0);
  load_ = 0;
}

void ReceiveFixture::start_receiving() {
  receiver_.start();
  ASSERT_TRUE(receiver_.await([](const auto& status) {
    return status.state == archive::ReceiveState::Streaming;
  })) << receiver_log();
}

std::string ReceiveFixture::switch_wal() {
  server().query(
      "set client_min_messages = error; create table if not exists switched(at timestamptz)");
  return server().query(
      "insert into switched values (now()); select pg_walfile_name(pg_switch_wal())");
}

bool ReceiveFixture::await_stored(const std::string& segment) {
  const auto store = archive::open_store(receiver_.request().store).value();
  return wait_until([&] {
    if (!std::filesystem::exists(copies_ / segment)) return false;
    const auto objects = store->list(archive::kWalPrefix);
    return objects && std::ranges::any_of(*objects, [&segment](const auto& object) {
             const auto name = archive::parse_wal_key(object.key);
             return name && name->name == segment;
           });
  });
}

std::map<std::string, std::string> ReceiveFixture::stored() {
  std::map<std::string, std::string> found;
  const auto& request = receiver_.request();
  const auto store = archive::open_store(request.store).value();
  const archive::KeyRing keys(request.encoding.key
                                  ? std::vector<archive::ArchiveKey>{*request.encoding.key}
                                  : std::vector<archive::ArchiveKey>{});
  for (const auto& object : store->list(archive::kWalPrefix).value()) {
    const auto name = archive::parse_wal_key(object.key);
    EXPECT_TRUE(name) << object.key;
    if (!name) continue;
    const auto plain = archive::read_encoded_text(*store, object.key, keys, kSegmentBytes);
    EXPECT_TRUE(plain) << plain.error().message();
    EXPECT_TRUE(found.emplace(name->name, plain.value_or("")).second) << name->name << " twice";
  }
  return found;
}

void ReceiveFixture::expect_equal_until(const std::string& last) {
  ASSERT_TRUE(await_stored(last)) << receiver_log();
  const auto objects = stored();
  const auto first = objects.begin()->first;
  int compared = 0;
  for (const auto& entry : std::filesystem::directory_iterator(copies_)) {
    const auto name = entry.path().filename().string();
    if (!pg::parse_segment_name(name, kSegmentBytes) || name < first || name > last) continue;
    const auto object = objects.find(name);
    ASSERT_NE(object, objects.end()) << name << " is missing\n" << receiver_log();
    EXPECT_TRUE(object->second == content_of(entry.path())) << name << " differs";
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

std::string ReceiveFixture::receiver_log() const {
  const auto text = content_of(temp_ / "receive.log");
  return text.substr(text.size() - std::min<std::size_t>(text.size(), 4'000));
}

}  // namespace pgkeel::test
