// The programs that would start the server are of another major version than its data: an image
// tag that moved, a package upgrade, a bin_dir that names the wrong place. PostgreSQL refuses such
// data and damages nothing; the way back is the former programs, never pg_resetwal or initdb.
// Known before any start from PG_VERSION, control file and programs; behind a container engine also
// from the server's own words.
#include "diagnose/case.hpp"

#include <charconv>

#include <fmt/format.h>

namespace pgkeel::diagnose {
namespace {

// "... which is not compatible with this version 18.1 (Debian 18.1-1)."
int major_in_words(std::string_view text) {
  constexpr std::string_view kMark = "not compatible with this version ";
  const auto at = text.find(kMark);
  if (at == std::string_view::npos) return 0;
  const auto digits = text.substr(at + kMark.size());
  int major = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), major);
  return major;
}

int programs_major(const Case& the_case) {
  if (the_case.seen.files.programs_major != 0) return the_case.seen.files.programs_major;
  const auto* line = logged(the_case, pg::Signature::FilesIncompatible);
  return line == nullptr ? 0 : major_in_words(line->text);
}

std::string former_image(const Case& the_case) {
  const auto& digest = the_case.known.identity ? the_case.known.identity->image_digest : "";
  auto text = the_case.known.image;
  if (!digest.empty()) text += text.empty() ? digest : fmt::format(" ({})", digest);
  return text;
}

std::string hint_for_version_file(int major) {
  return fmt::format(
      "find out what replaced PG_VERSION; when only that file was changed, write {} "
      "into it again; a half-done upgrade is finished or undone by its own tool; "
      "never pg_resetwal, never initdb",
      major);
}

// The image it ran on last, by its id: a tag may have moved, which is how this comes about. Nothing
// when the container runs on it now.
std::string former_id(const Case& the_case, const instance::ContainerFacts& container) {
  if (!the_case.known.identity) return {};
  const auto& digest = the_case.known.identity->image_digest;
  return digest == container.image_digest ? std::string() : digest;
}

// The commands, as exactly as the container says where it comes from. A container is never made
// again by the guard: what it is made of is in a file the guard does not own.
std::string way_back(const Case& the_case, const instance::ContainerFacts& container) {
  const auto id = former_id(the_case, container);
  if (id.empty()) return {};
  const auto service = container.label("com.docker.compose.service");
  const auto file = container.label("com.docker.compose.project.config_files");
  const auto there =
      fmt::format("'docker image inspect {}' says whether the engine still has it", id);
  if (service.empty() || file.empty())
    return fmt::format(
        "; {}; then 'docker rename {} {}-other-major' and run it again as it was, "
        "with the image {} and the same volume",
        there, container.name, container.name, id);
  return fmt::format(
      "; {}; then, with 'image: {}' for the service {} in {}, 'docker compose -f {} "
      "up -d {}'",
      there, id, service, file, file, service);
}

std::string hint_for_programs(const Case& the_case, int major) {
  constexpr std::string_view kLater =
      "upgrade later with pg_upgrade or a dump; never pg_resetwal, never initdb over it";
  if (const auto* hosting = hosting_of(the_case)) {
    const auto image = former_image(the_case);
    return fmt::format("run container {} from an image of PostgreSQL {} again{} (now: {}){}; {}",
                       hosting->container.name, major, image.empty() ? "" : ", it was " + image,
                       hosting->container.image, way_back(the_case, hosting->container), kLater);
  }
  return fmt::format(
      "install PostgreSQL {0} again, or set instance.bin_dir to its programs "
      "(/usr/lib/postgresql/{0}/bin); {1}",
      major, kLater);
}

Finding named(const Case& the_case, std::string summary, std::string hint) {
  Finding finding;
  finding.cause = Cause::WrongMajor;
  finding.confidence = 0.98;
  finding.wait = true;
  finding.since = the_case.seen.process.died_at;
  finding.summary = std::move(summary);
  finding.hint = std::move(hint);
  const auto* refused = logged(the_case, pg::Signature::FilesIncompatible);
  if (stopped_cleanly(the_case) && refused == nullptr)
    finding.severity = incident::Severity::Warning;
  const auto& files = the_case.seen.files;
  finding.evidence.push_back(
      evidence(the_case, "files",
               fmt::format("PG_VERSION says {}, the control file {}", files.data_dir.major,
                           files.data_dir.control ? std::to_string(files.data_dir.control->major)
                                                  : files.data_dir.control_error->message())));
  if (refused != nullptr)
    finding.evidence.push_back(evidence(the_case, "server_log", refused->text));
  add_engine_words(the_case, finding);
  return finding;
}

// Data of a major this guard does not read counts as what PG_VERSION says.
bool of_interest(const Case& the_case) {
  const auto& data_dir = the_case.seen.files.data_dir;
  if (!server_absent(the_case) || data_dir.major == 0) return false;
  if (data_dir.state != instance::DataDirState::Present) return false;
  if (data_dir.control) return data_is_ours(the_case);
  return data_dir.control_error && data_dir.control_error->code == ErrorCode::Unsupported;
}

}  // namespace

std::vector<Finding> wrong_major(const Case& the_case) {
  if (!of_interest(the_case)) return {};
  const auto& files = the_case.seen.files;
  const auto& control = files.data_dir.control;
  const int version = files.data_dir.major;
  if (control && control->major != 0 && control->major != version)
    return {named(the_case,
                  fmt::format("PG_VERSION says {}, but the data is of PostgreSQL {}.", version,
                              control->major),
                  hint_for_version_file(control->major))};
  const auto about = hint_for_programs(the_case, version);
  if (const int programs = programs_major(the_case); programs != 0 && programs != version)
    return {named(the_case,
                  fmt::format("The data is of PostgreSQL {}, but the programs that would start it "
                              "are of {}.",
                              version, programs),
                  about)};
  if (!files.programs_missing.empty())
    return {named(the_case,
                  fmt::format("The data is of PostgreSQL {}, and its programs are not there: {}.",
                              version, files.programs_missing),
                  about)};
  return {};
}

}  // namespace pgkeel::diagnose
