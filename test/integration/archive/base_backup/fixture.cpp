// See fixture.hpp.
#include "integration/archive/base_backup/fixture.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>

#include "archive/base_backup/tar_scanner.hpp"
#include "archive/codec/encoded.hpp"
#include "archive/storage/open.hpp"
#include "pg/backup_manifest.hpp"
#include "support/child.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::test {
namespace {

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  return std::move(*result);
}

/// Takes the checksum the manifest has of each file.
class Comparison final : public archive::TarVisitor {
 public:
  Comparison(const pg::BackupManifest& manifest, std::string prefix, std::set<std::string>& seen,
             std::vector<std::string>& found)
      : manifest_(manifest), prefix_(std::move(prefix)), seen_(seen), found_(found) {}

 private:
  Result<void> begin(const archive::TarMember& member, ByteSpan) override {
    const bool is_file = member.type == archive::TarMember::Type::File;
    const auto path = prefix_ + member.name;
    file_ = is_file ? manifest_.find(path) : nullptr;
    if (is_file && file_ == nullptr) found_.push_back(path + " is not in the manifest");
    if (file_ == nullptr) return {};
    if (!seen_.insert(path).second) found_.push_back(path + " came twice");
    if (file_->size_bytes != member.size_bytes) found_.push_back(path + " has another size");
    checksum_.emplace(file_->algorithm);
    return {};
  }
  Result<void> content(ByteSpan bytes) override {
    if (file_ != nullptr) checksum_->update(bytes);
    return {};
  }
  Result<void> end(ByteSpan) override {
    if (file_ != nullptr && checksum_->hex() != file_->checksum)
      found_.push_back(file_->path + " has another checksum");
    return {};
  }

  const pg::BackupManifest& manifest_;
  std::string prefix_;
  std::set<std::string>& seen_;
  std::vector<std::string>& found_;
  const pg::ManifestFile* file_ = nullptr;
  std::optional<pg::FileChecksum> checksum_;
};

std::string prefix_of(const std::string& part) {
  constexpr std::string_view kTablespace = "tablespace-";
  if (!part.starts_with(kTablespace)) return {};
  return "pg_tblspc/" + part.substr(kTablespace.size()) + "/";
}

}  // namespace

std::filesystem::path store_dir(const PostgresServer& server) {
  return server.temp_dir() / "store";
}

std::unique_ptr<archive::Store> store_beside(const PostgresServer& server) {
  return must(archive::open_store({.where = store_dir(server).string()}));
}

archive::BackupRequest request_for(const PostgresServer& server, archive::Store& store,
                                   std::string_view database) {
  archive::BackupRequest request;
  request.conninfo = must(pg::parse_conninfo(server.conninfo(database)));
  request.store = &store;
  request.encoding = {.level = 3, .threads = 2, .key = {}};
  request.label = kLabel;
  request.shard_bytes = 4U << 20U;
  return request;
}

std::vector<std::string> differences(archive::Store& store, const archive::KeyRing& keys,
                                     const archive::Backup& backup) {
  const auto manifest = must(pg::parse_backup_manifest(
      must(archive::read_encoded_text(store, backup.manifest.key, keys, 64U << 20U))));
  std::set<std::string> seen;
  std::vector<std::string> found;
  std::vector<std::byte> piece(100'000);
  for (const auto& shard : backup.shards) {
    if (shard.part == "config") continue;
    Comparison comparison(manifest, prefix_of(shard.part), seen, found);
    archive::TarScanner scanner(comparison);
    const auto source = must(archive::read_encoded(store, shard.object.key, keys, &shard.object));
    while (const auto count = must(source->read(piece))) {
      const auto pushed = scanner.push(ByteSpan(piece).first(count));
      if (!pushed) throw std::runtime_error(pushed.error().message());
    }
    if (!scanner.finish(archive::TarScanner::End::Required)) found.push_back("a tar without end");
  }
  for (const auto& file : manifest.files)
    if (!seen.contains(file.path)) found.push_back(file.path + " is missing");
  return found;
}

std::string shell(const std::string& script) {
  const TempDir temp;
  give_to_server(temp.path());
  const auto output = temp / "output";
  const auto read = [&] {
    std::ostringstream text;
    text << std::ifstream(output).rdbuf();
    return text.str();
  };
  try {
    run_child({"/bin/sh", "-euc", script}, output);
  } catch (const std::exception&) {
    throw std::runtime_error(script + "\n" + read());
  }
  return read();
}

std::vector<std::pair<std::string, std::string>> archiving_to(const std::filesystem::path& dir) {
  return {{"archive_mode", "on"},
          {"archive_command", "mkdir -p " + dir.string() + " && cp %p " + dir.string() + "/%f"}};
}

void await_archived(const PostgresServer& server, const std::filesystem::path& dir) {
  const auto segment = server.rows("SELECT pg_walfile_name(pg_switch_wal())").at(0).at(0).value();
  const auto archived = "SELECT last_archived_wal >= '" + segment + "' FROM pg_stat_archiver";
  const bool there = wait_until([&] {
    const auto rows = server.rows(archived);
    return rows.at(0).at(0) == "t" && std::filesystem::exists(dir / segment);
  });
  if (!there) throw std::runtime_error(segment + " was not archived");
}

}  // namespace pgkeel::test
