// See in_place_job.hpp.
#include "archive/restore/in_place_job.hpp"

#include <array>

#include "archive/catalog/fields.hpp"
#include "runtime/files.hpp"

namespace pgkeel::archive {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Step = InPlaceJob::Step;

constexpr const char* kFile = "job.json";
constexpr const char* kCopy = "data";  // Scratch::data() of the job "data"
const std::string kAside = "aside-";
constexpr int kSameSecondMax = 100;
constexpr std::size_t kBytesMax = 64U << 10U;
constexpr std::array<const char*, 3> kSteps{"restoring", "setting aside", "placing"};

Step step_of(const std::string& name) {
  for (std::size_t i = 0; i < kSteps.size(); ++i)
    if (name == kSteps[i]) return static_cast<Step>(i);
  throw std::invalid_argument("unknown step " + name);
}

std::string to_text(const InPlaceJob& job) {
  const json fields = {{"step", kSteps[static_cast<std::size_t>(job.step)]},
                       {"entries", job.manner == instance::SwapManner::Entries},
                       {"place", job.place.string()},
                       {"aside", job.aside.string()},
                       {"tablespaces", job.tablespaces.string()},
                       {"asked", job.asked},
                       {"target", job.target},
                       {"latest", job.latest},
                       {"paused_guard", job.paused_guard},
                       {"seen_place", job.seen_place},
                       {"seen_archive", job.seen_archive},
                       {"began", to_iso8601(job.began)},
                       {"system_id", job.system_id.valid() ? to_string(job.system_id) : ""},
                       {"backup", job.backup},
                       {"timeline", job.timeline.value},
                       {"lsn", to_string(job.lsn)},
                       {"bin_dir", job.bin_dir.string()}};
  return fields.dump(2) + "\n";
}

InPlaceJob from_json(const json& from) {
  InPlaceJob job;
  job.step = step_of(fields::text(from, "step"));
  job.manner =
      fields::flag(from, "entries") ? instance::SwapManner::Entries : instance::SwapManner::Whole;
  job.place = fields::text(from, "place");
  job.aside = fields::text(from, "aside");
  job.tablespaces = fields::text(from, "tablespaces");
  job.asked = fields::text(from, "asked");
  job.target = fields::text(from, "target");
  job.latest = fields::flag(from, "latest");
  job.paused_guard = fields::flag(from, "paused_guard");
  job.seen_place = fields::text(from, "seen_place");
  job.seen_archive = fields::text(from, "seen_archive");
  job.began = fields::time(from, "began");
  if (!fields::text(from, "system_id").empty())
    job.system_id = fields::system_id(from, "system_id");
  job.backup = fields::text(from, "backup");
  job.timeline = fields::timeline(from, "timeline");
  job.lsn = fields::lsn(from, "lsn");
  job.bin_dir = fields::text(from, "bin_dir");
  return job;
}

// 20261121T030405Z, as in every name of what was moved aside.
std::string stamp(WallTime now) {
  std::string text;
  for (const char c : to_iso8601(now).substr(0, 19))
    if (c != '-' && c != ':') text += c;
  return text + "Z";
}

// What was set aside before is never mixed with what is set aside now.
std::string unused_stamp(const fs::path& place, instance::SwapManner manner, WallTime now) {
  const auto is_free = [&](const std::string& when) {
    std::error_code error;
    return !fs::exists(instance::near_place(place, manner, kAside + when), error);
  };
  const auto first = stamp(now);
  if (is_free(first)) return first;
  for (int i = 2; i < kSameSecondMax; ++i)
    if (auto next = first + "-" + std::to_string(i); is_free(next)) return next;
  return first;  // the rename says that it exists
}

fs::path work_dir_of(const fs::path& place, instance::SwapManner manner) {
  return instance::near_place(place, manner, "in-place");
}

}  // namespace

fs::path InPlaceJob::work_dir() const { return work_dir_of(place, manner); }

instance::Swap InPlaceJob::swap() const { return {place, work_dir() / kCopy, aside, manner}; }

InPlaceJob make_job(const fs::path& place, instance::SwapManner manner, WallTime now) {
  InPlaceJob job;
  job.manner = manner;
  job.place = place;
  const auto when = unused_stamp(place, manner, now);
  job.aside = instance::near_place(place, manner, kAside + when);
  job.tablespaces = instance::near_place(place, manner, "tablespaces-" + when);
  job.began = now;
  return job;
}

Result<void> write_job(const InPlaceJob& job) {
  return runtime::write_file_atomic(job.work_dir() / kFile, to_text(job));
}

Result<std::optional<InPlaceJob>> read_job(const fs::path& place, instance::SwapManner manner) {
  const auto file = work_dir_of(place, manner) / kFile;
  const auto text = runtime::read_file(file, kBytesMax);
  if (!text && text.error().code == ErrorCode::NotFound) return std::nullopt;
  if (!text) return fail(text.error());
  try {
    auto job = from_json(json::parse(*text));
    if (job.place != place || job.manner != manner)
      return fail(ErrorCode::Malformed, file.string() + " is about " + job.place.string());
    return job;
  } catch (const std::exception& error) {
    return fail(ErrorCode::Malformed, file.string() + ": " + error.what());
  }
}

Result<void> remove_job(const InPlaceJob& job) {
  std::error_code error;
  fs::remove(job.work_dir() / kFile, error);
  if (error) return fail(ErrorCode::Io, "remove " + (job.work_dir() / kFile).string());
  return runtime::fsync_directory(job.work_dir());
}

}  // namespace pgkeel::archive
