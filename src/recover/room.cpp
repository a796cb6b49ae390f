// See room.hpp.
#include "recover/room.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "recover/ballast.hpp"

namespace pgkeel::recover {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSmallShare = 25;
constexpr std::size_t kUsesTold = 5;
constexpr std::uint64_t kLeastShare = 5;
constexpr std::uint64_t kMegabyte = 1U << 20U;
constexpr std::uint64_t kGigabyte = 1ULL << 30U;
constexpr std::uint64_t kBlockBytes = 512;  // of st_blocks, whatever the file system's are
constexpr double kMostBytes = 1e15;
constexpr std::string_view kElse = "everything else on it";
constexpr std::string_view kSizeProbe = "size";

std::optional<struct stat> status_of(const fs::path& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return std::nullopt;
  return status;
}

std::uint64_t used(const runtime::DiskSpace& room) {
  return room.bytes_total - std::min(room.bytes_free, room.bytes_total);
}

bool is_temporary(const fs::path& inside) {
  return std::ranges::any_of(inside, [](const fs::path& part) { return part == "pgsql_tmp"; });
}

// What a file of the data directory is, by where it lies in it.
std::string_view kind_in_data(const fs::path& inside) {
  const auto first = *inside.begin();
  if (is_temporary(inside)) return "temporary files";
  if (first == "pg_wal") return "WAL";
  if (first == "base" || first == "global") return "databases";
  if (first == "log" || first == "pg_log") return "the server's log";
  return "the rest of the data directory";
}

// Counts what lies on one device, each directory under its own name.
class Counter {
 public:
  Counter(dev_t device, std::vector<fs::path> kept_apart)
      : device_(device), apart_(std::move(kept_apart)) {}

  // `kind_of` names a file by its path below `top`.
  template <class KindOf>
  void count(const fs::path& top, KindOf kind_of) {
    std::error_code error;
    fs::recursive_directory_iterator walk(top, fs::directory_options::skip_permission_denied,
                                          error);
    for (; !error && walk != fs::recursive_directory_iterator(); walk.increment(error)) {
      if (++entries_ > kEntriesMost) {
        whole_ = false;
        return;
      }
      const auto& path = walk->path();
      const auto status = status_of(path);
      const bool elsewhere = !status || status->st_dev != device_;
      if (elsewhere || is_apart(path, top)) {
        walk.disable_recursion_pending();
        continue;
      }
      add(kind_of(path.lexically_relative(top)), *status);
    }
  }
  void add(std::string_view what, const struct stat& status) {
    bytes_[std::string(what)] += static_cast<std::uint64_t>(status.st_blocks) * kBlockBytes;
  }
  [[nodiscard]] bool is_here(const fs::path& path) const {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 && status.st_dev == device_;
  }
  [[nodiscard]] bool whole() const { return whole_; }
  [[nodiscard]] const std::map<std::string, std::uint64_t>& bytes() const { return bytes_; }

 private:
  // A known directory within another is counted once, by itself.
  [[nodiscard]] bool is_apart(const fs::path& path, const fs::path& top) const {
    return path != top && std::ranges::find(apart_, path) != apart_.end();
  }

  dev_t device_;
  std::vector<fs::path> apart_;
  std::size_t entries_ = 0;
  bool whole_ = true;
  std::map<std::string, std::uint64_t> bytes_;
};

fs::path without_links(const fs::path& path) {
  std::error_code error;
  auto plain = fs::canonical(path, error);
  return error ? fs::path() : plain;
}

std::vector<fs::path> tablespaces(const fs::path& data_dir) {
  std::vector<fs::path> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(data_dir / "pg_tblspc", error))
    if (auto place = without_links(entry.path()); !place.empty()) found.push_back(std::move(place));
  return found;
}

void count_data(const fs::path& data_dir, Counter& counter) {
  counter.count(data_dir, kind_in_data);
  if (fs::is_symlink(fs::symlink_status(data_dir / "pg_wal")))
    if (const auto wal = without_links(data_dir / "pg_wal"); counter.is_here(wal))
      counter.count(wal, [](const fs::path&) { return std::string_view("WAL"); });
  for (const auto& space : tablespaces(data_dir))
    if (counter.is_here(space))
      counter.count(space, [](const fs::path& inside) {
        return std::string_view(is_temporary(inside) ? "temporary files" : "databases");
      });
}

// What pgkeel keeps beside the data directory, by its names.
void count_beside(const fs::path& data_dir, Counter& counter) {
  const auto prefix = data_dir.filename().string() + ".pgkeel-";
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(data_dir.parent_path(), error)) {
    const auto name = entry.path().filename().string();
    if (!name.starts_with(prefix) || !counter.is_here(entry.path())) continue;
    const bool ballast = name.substr(prefix.size()) == "ballast";
    const std::string_view what = ballast ? "the ballast" : "what pgkeel set aside";
    if (const auto status = status_of(entry.path())) counter.add(what, *status);
    if (entry.is_directory(error))
      counter.count(entry.path(), [what](const fs::path&) { return what; });
  }
}

RoomAccount account_of(const fs::path& place, const runtime::DiskSpace& room,
                       const Counter& counter) {
  RoomAccount account{place, room, {}, counter.whole()};
  std::uint64_t known = 0;
  for (const auto& [what, bytes] : counter.bytes()) {
    account.uses.push_back({what, bytes});
    known += bytes;
  }
  if (counter.whole() && used(room) > known)
    account.uses.push_back({std::string(kElse), used(room) - known});
  std::ranges::sort(account.uses, std::greater<>(), &RoomUse::bytes);
  return account;
}

std::uint64_t rounded_up(double bytes, std::uint64_t unit) {
  const auto units = std::ceil(std::min(bytes, kMostBytes) / static_cast<double>(unit));
  return static_cast<std::uint64_t>(units) * unit;
}

std::string span_words(const std::vector<diagnose::SizeSample>& samples) {
  if (samples.empty()) return "while";
  const auto [first, last] = std::ranges::minmax_element(samples, {}, &diagnose::SizeSample::at);
  const auto days = std::chrono::duration_cast<std::chrono::days>(last->at - first->at).count();
  if (days >= 2) return fmt::format("{} days", days);
  return humane_duration(std::chrono::duration_cast<Seconds>(last->at - first->at));
}

}  // namespace

std::vector<ServerPlace> server_places(const fs::path& data_dir) {
  std::vector<ServerPlace> places{{sense::SpaceRole::Data, without_links(data_dir)},
                                  {sense::SpaceRole::Wal, without_links(data_dir / "pg_wal")}};
  for (auto& space : tablespaces(data_dir))
    places.push_back({sense::SpaceRole::Tablespace, std::move(space)});
  std::vector<dev_t> seen;
  std::erase_if(places, [&seen](const ServerPlace& place) {
    const auto status = place.path.empty() ? std::nullopt : status_of(place.path);
    if (!status || std::ranges::find(seen, status->st_dev) != seen.end()) return true;
    seen.push_back(status->st_dev);
    return false;
  });
  return places;
}

bool is_full(sense::SpaceRole role, const runtime::DiskSpace& room) {
  if (room.bytes_total == 0 || role == sense::SpaceRole::SharedMemory) return false;
  if (room.inodes_total > 0 && room.inodes_free == 0) return true;
  const bool small = role == sense::SpaceRole::Tablespace;
  return room.bytes_free <
         (small ? std::min(kDiskIsFull, room.bytes_total / kSmallShare) : kDiskIsFull);
}

std::vector<ServerPlace> full_places(const fs::path& data_dir) {
  auto places = server_places(data_dir);
  std::erase_if(places, [](const ServerPlace& place) {
    const auto room = runtime::disk_space(place.path);
    return !room || !is_full(place.role, *room);
  });
  return places;
}

Result<RoomAccount> account_for(const fs::path& place, const KnownDirectories& known) {
  const auto status = status_of(place);
  if (!status) return fail_errno(errno, place.string());
  TRY(room, runtime::disk_space(place));
  const auto data_dir = without_links(known.data_dir);
  const auto archive = known.archive.empty() ? fs::path() : without_links(known.archive);
  const auto state = known.state.empty() ? fs::path() : without_links(known.state);
  Counter counter(status->st_dev, {data_dir, archive, state});
  if (!data_dir.empty()) {
    count_data(data_dir, counter);
    count_beside(data_dir, counter);
  }
  if (!archive.empty() && counter.is_here(archive))
    counter.count(archive, [](const fs::path&) { return std::string_view("pgkeel's archive"); });
  if (!state.empty() && counter.is_here(state))
    counter.count(state, [](const fs::path&) { return std::string_view("pgkeel's state"); });
  return account_of(place, room, counter);
}

std::string disk_probe(sense::SpaceRole role) {
  return "disk." + std::string(sense::to_string(role));
}

std::vector<diagnose::SizeSample> disk_samples(const incident::Journal& journal,
                                               sense::SpaceRole role) {
  std::vector<diagnose::SizeSample> samples;
  for (const auto& probe : {disk_probe(role), std::string(kSizeProbe)}) {
    const auto noted = journal.probes(probe, incident::kProbesKept);
    if (!noted) continue;
    for (const auto& sample : *noted)
      if (const auto bytes = parse_size(sample.note))
        samples.push_back({sample.at, static_cast<std::int64_t>(*bytes)});
    if (diagnose::growth_per_day(samples)) return samples;
    samples.clear();
  }
  return samples;
}

std::uint64_t to_add(const runtime::DiskSpace& room, std::optional<double> growth_per_day) {
  const auto least = static_cast<double>(room.bytes_total) / kLeastShare;
  const auto grown =
      std::max(growth_per_day.value_or(0), 0.0) * kGrowFor - static_cast<double>(room.bytes_free);
  const auto bytes = std::max(least, grown);
  return rounded_up(bytes, bytes < static_cast<double>(kGigabyte) ? kMegabyte : kGigabyte);
}

std::string uses_words(const RoomAccount& account) {
  auto text =
      fmt::format("of {} at {} are free {}; it holds", format_size(account.room.bytes_total),
                  account.place.string(), format_size(account.room.bytes_free));
  for (std::size_t i = 0; i < std::min(account.uses.size(), kUsesTold); ++i)
    text += fmt::format("{}{} {}", i == 0 ? " " : ", ", account.uses[i].what,
                        format_size(account.uses[i].bytes));
  if (!account.whole) text += " (there are too many files to count them all)";
  return text;
}

std::string growth_words(const runtime::DiskSpace& room,
                         const std::vector<diagnose::SizeSample>& samples) {
  const auto growth = diagnose::growth_per_day(samples);
  const auto more = format_size(to_add(room, growth));
  if (!growth)
    return fmt::format("how fast it grows is not known yet; give it {} more, a fifth, at least",
                       more);
  if (*growth <= 0)
    return fmt::format("it did not grow in the last {}; give it {} more, a fifth, at least",
                       span_words(samples), more);
  return fmt::format("it grew by {} a day in the last {}: give it {} more for {} days",
                     format_size(static_cast<std::uint64_t>(std::min(*growth, kMostBytes))),
                     span_words(samples), more, kGrowFor);
}

}  // namespace pgkeel::recover
