// The order of steps: fill "X.new" from the damaged X, rename X aside, then its -wal and -shm, then
// X.new to X. Until X is renamed everything can begin again; from then on X.new is whole.
#include "incident/replace_damaged.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/fault_point.hpp"
#include "base/time.hpp"
#include "runtime/files.hpp"

namespace pgkeel::incident {
namespace {

constexpr std::string_view kNewSuffix = ".new";

std::string compact_time(WallTime time) {
  std::string text;
  for (const char c : to_iso8601(time))
    if (c != '-' && c != ':' && c != '.') text += c;
  return text;  // 20261121T030405123Z
}

// Renames what is there of the three files; gives the new name of the first.
Result<std::filesystem::path> set_aside(const std::filesystem::path& path) {
  const auto aside = with_suffix(path, ".damaged-" + compact_time(wall_now()));
  for (const auto suffix : kFileSuffixes) {
    if (!is_present(with_suffix(path, suffix))) continue;
    TRY_VOID(runtime::rename_durable(with_suffix(path, suffix), with_suffix(aside, suffix)));
    fault_point("store.set_aside:renamed");
  }
  return aside;
}

// Best effort: what cannot be read from the damaged file stays in it. Names what was copied.
std::string rescue(Database& into, const DatabaseFile& from) {
  std::string rescued;
  if (!into.run("ATTACH ? AS damaged", "file:" + percent_encoded(from.path) + "?mode=ro"))
    return rescued;
  for (const auto table : from.rescued) {
    const auto copied =
        into.run(fmt::format("INSERT OR IGNORE INTO main.{0} SELECT * FROM damaged.{0}", table));
    if (copied && *copied > 0) rescued += fmt::format("{}{}", rescued.empty() ? "" : ", ", table);
  }
  static_cast<void>(into.run_script("DETACH damaged"));
  return rescued;
}

Result<std::unique_ptr<Database>> open_current(const DatabaseFile& file) {
  TRY(database, Database::open(file.path, file.durability));
  TRY_VOID(migrate(*database, file.steps));
  return std::move(database);
}

// Makes X.new, whole and closed; gives what was rescued into it.
Result<std::string> make_new(const DatabaseFile& file) {
  auto fresh = file;
  fresh.path = with_suffix(file.path, kNewSuffix);
  for (const auto suffix : kFileSuffixes)  // of an attempt that was cut short
    ::unlink(with_suffix(fresh.path, suffix).c_str());
  std::string rescued;
  {
    TRY(database, open_current(fresh));
    rescued = rescue(*database, file);
    fault_point("store.replace:filled");
  }
  // Closing moves the -wal into the file; when it could not, the disk is full or broken.
  if (!is_present(with_suffix(fresh.path, "-wal"))) return rescued;
  return fail(ErrorCode::Store,
              fmt::format("state database {} could not be completed", fresh.path.string()));
}

Result<std::string> replace(const DatabaseFile& file, std::string_view why) {
  TRY(rescued, make_new(file));
  TRY(aside, set_aside(file.path));
  TRY_VOID(runtime::rename_durable(with_suffix(file.path, kNewSuffix), file.path));
  return fmt::format("{}; kept as {}, a new one was started with {}", why,
                     aside.filename().string(),
                     rescued.empty() ? "nothing from it" : rescued + " from it");
}

// When a replacement was cut short behind its first rename, or the file was taken away from under
// its -wal: a -wal must never meet a file that is not its own.
Result<std::string> finish_replacement(const DatabaseFile& file) {
  if (is_present(file.path)) return "";
  const auto fresh = with_suffix(file.path, kNewSuffix);
  const bool orphaned =
      is_present(with_suffix(file.path, "-wal")) || is_present(with_suffix(file.path, "-shm"));
  if (!orphaned && !is_present(fresh)) return "";
  TRY_VOID(set_aside(file.path));
  if (is_present(fresh)) TRY_VOID(runtime::rename_durable(fresh, file.path));
  return fmt::format("state database {} was gone; what was left of it is kept as {}*",
                     file.path.string(), with_suffix(file.path, ".damaged-").filename().string());
}

}  // namespace

bool is_present(const std::filesystem::path& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0;
}

std::filesystem::path with_suffix(const std::filesystem::path& path, std::string_view suffix) {
  return path.string() + std::string(suffix);
}

Result<OpenedFile> open_or_replace(const DatabaseFile& file) {
  TRY(finished, finish_replacement(file));
  auto opened = open_current(file);
  if (opened) return OpenedFile{std::move(*opened), finished};
  if (opened.error().code != ErrorCode::Malformed) return fail(std::move(opened).error());
  TRY(note, replace(file, opened.error().detail));
  TRY(database, open_current(file));
  return OpenedFile{std::move(database), note};
}

}  // namespace pgkeel::incident
