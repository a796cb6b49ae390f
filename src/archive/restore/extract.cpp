// See extract.hpp. Order: the control file gets its name only when everything else is verified and
// synced, so that a directory half restored can never be started.
#include "archive/restore/extract.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "archive/restore/manifest_check.hpp"
#include "archive/restore/untar.hpp"
#include "runtime/fd.hpp"
#include "runtime/files.hpp"

namespace pgkeel::archive {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBufferBytes = 1U << 20U;
// The kernel begins to write out after so many, while we go on decompressing; left to itself it
// waits until a tenth of the memory is dirty, and the sync at the end has nearly all of it to do.
constexpr std::uint64_t kPushBytes = 8U << 20U;
constexpr std::string_view kControlFile = "global/pg_control";
constexpr std::string_view kHeldBack = "global/pg_control.pgkeel-restore";
constexpr std::string_view kTablespacePart = "tablespace-";

// Where the members of one part go, and what the manifest calls them.
struct Place {
  fs::path root;
  std::string manifest_prefix;
  bool in_manifest = true;
};

// One shard on its way out; the buffer serves all its files.
struct Unpacking {
  Place place;
  TarReader tar;
  std::vector<std::byte> buffer;
};

// A file being written; what it was given is on its way to the disk soon after.
class Output {
 public:
  Output(int fd, const fs::path& path) : fd_(fd), path_(path) {}

  Result<void> write(ByteSpan bytes) {
    while (!bytes.empty()) {
      const auto count = ::write(fd_, bytes.data(), bytes.size());
      if (count < 0) return fail_errno(errno, "write " + path_.string());
      bytes = bytes.subspan(static_cast<std::size_t>(count));
      size_ += static_cast<std::uint64_t>(count);
    }
    if (size_ - pushed_ >= kPushBytes) push();
    return {};
  }
  /// Begins to write out the rest; small files go faster together, at the end.
  void end() {
    if (pushed_ != 0) push();
  }
  [[nodiscard]] std::uint64_t size_bytes() const { return size_; }

 private:
  void push() {
    static_cast<void>(::sync_file_range(fd_, static_cast<off_t>(pushed_),
                                        static_cast<off_t>(size_ - pushed_),
                                        SYNC_FILE_RANGE_WRITE));
    pushed_ = size_;
  }

  int fd_;
  const fs::path& path_;
  std::uint64_t size_ = 0;
  std::uint64_t pushed_ = 0;
};

class Extraction {
 public:
  Extraction(const ExtractRequest& request, const pg::BackupManifest& manifest)
      : request_(&request), check_(manifest) {
    for (const auto& shard : request.backup->shards) shards_.push_back(&shard);
    // The largest first, so that no thread is left alone with one at the end.
    std::ranges::sort(shards_, std::greater(),
                      [](const Shard* shard) { return shard->object.plain_bytes; });
  }

  Result<void> run();

 private:
  void work();
  void note_failure(Error error);
  bool stopped();
  Result<void> extract_shard(const Shard& shard);
  Result<void> extract_member(Unpacking& shard, const Member& member);
  Result<void> extract_file(Unpacking& shard, const Member& member);
  Result<void> write_content(const runtime::Fd& file, const fs::path& path, Unpacking& shard,
                             const pg::ManifestFile* expected);
  Result<void> make_directories(const fs::path& directory);
  Result<void> own(const fs::path& path, unsigned mode) const;
  [[nodiscard]] Place place_of(const std::string& part) const;
  Result<void> link_tablespaces();
  Result<void> finish();

  const ExtractRequest* request_;
  ManifestCheck check_;
  std::vector<const Shard*> shards_;
  std::mutex mutex_;  // guards what follows
  std::size_t next_ = 0;
  std::optional<Error> failure_;
};

Result<void> require_empty(const fs::path& directory) {
  std::error_code error;
  if (!fs::exists(directory, error)) return {};
  if (fs::is_directory(directory, error) && fs::is_empty(directory, error)) return {};
  return fail(Error(ErrorCode::Refused, fmt::format("{} is not empty", directory.string()))
                  .with_hint("Restore into a directory that does not exist yet, or is empty."));
}

Place Extraction::place_of(const std::string& part) const {
  if (part == "config") return {request_->config_into, "", false};
  if (!part.starts_with(kTablespacePart)) return {request_->into, "", true};
  const auto oid = part.substr(kTablespacePart.size());
  for (const auto& [known, directory] : request_->tablespaces)
    if (to_string(known) == oid) return {directory, "pg_tblspc/" + oid + "/", true};
  return {};
}

Result<void> Extraction::own(const fs::path& path, unsigned mode) const {
  if (::chmod(path.c_str(), mode) != 0) return fail_errno(errno, "chmod " + path.string());
  if (request_->owner && ::lchown(path.c_str(), request_->owner->uid, request_->owner->gid) != 0)
    return fail_errno(errno, "chown " + path.string());
  return {};
}

Result<void> Extraction::make_directories(const fs::path& directory) {
  struct stat status{};
  if (::stat(directory.c_str(), &status) == 0) return {};
  if (directory.has_parent_path()) TRY_VOID(make_directories(directory.parent_path()));
  if (::mkdir(directory.c_str(), 0700) == 0) return own(directory, 0700);
  if (errno == EEXIST) return {};
  return fail_errno(errno, "make " + directory.string());
}

Result<void> Extraction::write_content(const runtime::Fd& file, const fs::path& path,
                                       Unpacking& shard, const pg::ManifestFile* expected) {
  pg::FileChecksum checksum(expected != nullptr ? expected->algorithm
                                                : pg::ChecksumAlgorithm::None);
  Output output(file.get(), path);
  while (true) {
    TRY(got, shard.tar.read(shard.buffer));
    if (got == 0) break;
    if (stopped()) return fail(ErrorCode::Cancelled, "the restore was stopped");
    const ByteSpan part = std::span(shard.buffer).first(got);
    checksum.update(part);
    TRY_VOID(output.write(part));
    if (request_->progress != nullptr) request_->progress->bytes += got;
  }
  output.end();
  if (expected == nullptr) return {};
  return ManifestCheck::compare(*expected, output.size_bytes(), checksum.hex());
}

Result<void> Extraction::extract_file(Unpacking& shard, const Member& member) {
  const auto& place = shard.place;
  const pg::ManifestFile* expected = nullptr;
  if (place.in_manifest) {
    TRY(entry, check_.expect(place.manifest_prefix + member.name));
    expected = entry;
  }
  const bool control = place.in_manifest && member.name == kControlFile;
  const fs::path path = place.root / (control ? std::string(kHeldBack) : member.name);
  TRY_VOID(make_directories(path.parent_path()));
  const runtime::Fd file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.valid()) return fail_errno(errno, "create " + path.string());
  TRY_VOID(write_content(file, path, shard, expected));
  if (request_->progress != nullptr) ++request_->progress->files;
  return own(path, member.mode);
}

Result<void> Extraction::extract_member(Unpacking& shard, const Member& member) {
  const auto& place = shard.place;
  switch (member.kind) {
    case MemberKind::File: return extract_file(shard, member);
    case MemberKind::Directory:
      TRY_VOID(make_directories(place.root / member.name));
      return own(place.root / member.name, member.mode);
    case MemberKind::Symlink: break;
  }
  if (member.name.starts_with("pg_tblspc/")) return {};  // made anew: they may go elsewhere
  return fail(ErrorCode::Malformed, "a symbolic link where none belongs: " + member.name);
}

Result<void> Extraction::extract_shard(const Shard& shard) {
  const Place place = place_of(shard.part);
  if (place.root.empty() && shard.part == "config") return {};
  if (place.root.empty())
    return fail(ErrorCode::Refused, "no directory was given for " + shard.part);
  TRY(source, read_encoded(*request_->store, shard.object.key, *request_->keys, &shard.object));
  Unpacking unpacking{place, TarReader(*source), std::vector<std::byte>(kBufferBytes)};
  while (true) {
    TRY(member, unpacking.tar.next());
    if (!member) return {};
    TRY_VOID(extract_member(unpacking, *member));
  }
}

bool Extraction::stopped() {
  if (request_->stop.stop_requested()) return true;
  const std::scoped_lock lock(mutex_);
  return failure_.has_value();
}

void Extraction::note_failure(Error error) {
  const std::scoped_lock lock(mutex_);
  if (!failure_) failure_ = std::move(error);
}

void Extraction::work() {
  while (!stopped()) {
    const Shard* shard = nullptr;
    {
      const std::scoped_lock lock(mutex_);
      if (next_ < shards_.size()) shard = shards_[next_++];
    }
    if (shard == nullptr) return;
    auto done = extract_shard(*shard);
    if (!done) note_failure(std::move(done).error().with_context("restore " + shard->object.key));
  }
}

Result<void> Extraction::link_tablespaces() {
  std::string map;
  for (const auto& space : request_->backup->tablespaces) {
    const auto& directory = request_->tablespaces.at(space.oid);
    const auto link = request_->into / "pg_tblspc" / to_string(space.oid);
    TRY_VOID(make_directories(link.parent_path()));
    if (::symlink(directory.c_str(), link.c_str()) != 0)
      return fail_errno(errno, "link " + link.string());
    map += fmt::format("{} {}\n", to_string(space.oid), directory.string());
  }
  if (map.empty()) return {};
  // The server makes the links again from this file, at the places it names.
  return runtime::write_file_atomic(request_->into / "tablespace_map", map,
                                    {.mode = 0600, .owner = request_->owner});
}

Result<void> sync_file_system_of(const fs::path& directory) {
  const runtime::Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return fail_errno(errno, "open " + directory.string());
  if (::syncfs(fd.get()) != 0) return fail_errno(errno, "sync " + directory.string());
  return {};
}

Result<void> Extraction::finish() {
  TRY_VOID(check_.all_seen());
  TRY_VOID(link_tablespaces());
  TRY_VOID(sync_file_system_of(request_->into));
  for (const auto& [oid, directory] : request_->tablespaces)
    TRY_VOID(sync_file_system_of(directory));
  return runtime::rename_durable(request_->into / kHeldBack, request_->into / kControlFile);
}

Result<void> Extraction::run() {
  TRY_VOID(require_empty(request_->into));
  TRY_VOID(make_directories(request_->into));
  for (const auto& space : request_->backup->tablespaces) {
    const auto found = request_->tablespaces.find(space.oid);
    if (found == request_->tablespaces.end())
      return fail(ErrorCode::Refused, "no directory was given for tablespace " +
                                          to_string(space.oid) + " (" + space.location + ")");
    TRY_VOID(require_empty(found->second));
    TRY_VOID(make_directories(found->second));
  }
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < std::max(1, request_->threads); ++i)
      workers.emplace_back([this] { work(); });
  }
  if (failure_) return fail(*failure_);
  if (request_->stop.stop_requested()) return fail(ErrorCode::Cancelled, "the restore was stopped");
  return finish();
}

}  // namespace

Result<pg::BackupManifest> read_manifest(Store& store, const KeyRing& keys, const Backup& backup) {
  TRY(text, read_encoded_text(store, backup.manifest.key, keys, pg::kBackupManifestBytesMax));
  auto manifest = pg::parse_backup_manifest(text);
  if (!manifest)
    return fail(std::move(manifest).error().with_context("read " + backup.manifest.key));
  return manifest;
}

Result<void> extract(const ExtractRequest& request) {
  TRY(manifest, read_manifest(*request.store, *request.keys, *request.backup));
  Extraction extraction(request, manifest);
  return extraction.run();
}

}  // namespace pgkeel::archive
