// Owner or mode of the data directory is not what the server accepts (checkDataDir, miscinit.c): a
// copy made as root, a chmod -R, a bind mount of another user's. Known from the files and from
// whose they were while the server ran. Behind a container engine only when the server itself
// complained, because entry points mend it. Named with the command that undoes it.
#include "diagnose/case.hpp"

#include <fmt/format.h>

namespace pgkeel::diagnose {
namespace {

constexpr unsigned kForbiddenBits = 0027;  // group may read, others nothing
constexpr unsigned kNeededBits = 0700;

struct Flaw {
  std::string what;     // "is owned by root"
  std::string command;  // without the path
};

std::string owner_of(const instance::DataDirFacts& facts) {
  return facts.owner ? fmt::format("{}:{}", facts.owner->uid, facts.owner->gid) : std::string();
}

std::string right_owner(const Case& the_case) {
  const auto& facts = the_case.seen.files.data_dir;
  if (!the_case.known.owner.empty()) return the_case.known.owner;
  return facts.owner && facts.owner->uid != 0 ? owner_of(facts) : "postgres:postgres";
}

bool another_owner(const Case& the_case) {
  const auto& facts = the_case.seen.files.data_dir;
  const auto uid = [](std::string_view owner) { return owner.substr(0, owner.find(':')); };
  if (facts.owner->uid == 0) return true;
  return !the_case.known.owner.empty() && uid(the_case.known.owner) != uid(owner_of(facts));
}

std::vector<Flaw> flaws_of(const Case& the_case) {
  const auto& facts = the_case.seen.files.data_dir;
  std::vector<Flaw> flaws;
  if (!facts.owner) return flaws;
  const auto chown = "chown -R " + right_owner(the_case);
  if (another_owner(the_case))
    flaws.push_back(
        {fmt::format("is owned by {}, not by {}", facts.owner->name, right_owner(the_case)),
         chown});
  else if (!facts.foreign_part.empty())
    flaws.push_back(
        {fmt::format("is owned by {}, but in it {}", facts.owner->name, facts.foreign_part),
         chown});
  if ((facts.mode & kForbiddenBits) != 0 || (facts.mode & kNeededBits) != kNeededBits)
    flaws.push_back({fmt::format("has mode {:04o}; the server accepts 0700 or 0750", facts.mode),
                     "chmod 0700"});
  return flaws;
}

const sense::ServerLogFacts::Entry* complaint(const Case& the_case) {
  const auto* owner = logged(the_case, pg::Signature::WrongOwner);
  return owner != nullptr ? owner : logged(the_case, pg::Signature::WrongPermissions);
}

bool of_interest(const Case& the_case) {
  if (!server_absent(the_case)) return false;
  if (hosting_of(the_case) != nullptr && complaint(the_case) == nullptr) return false;
  return data_is_ours(the_case) ||
         the_case.seen.files.data_dir.state == instance::DataDirState::Unreadable;
}

}  // namespace

std::vector<Finding> wrong_permissions(const Case& the_case) {
  if (!of_interest(the_case)) return {};
  const auto flaws = flaws_of(the_case);
  const auto& identity = the_case.known.identity;
  if (flaws.empty() || !identity) return {};

  Finding finding;
  finding.cause = Cause::WrongPermissions;
  finding.confidence = 0.97;
  finding.wait = stopped_cleanly(the_case) || the_case.known.owner.empty();
  if (stopped_cleanly(the_case)) finding.severity = incident::Severity::Warning;
  finding.since = the_case.seen.process.died_at;
  for (const auto& flaw : flaws) {
    finding.evidence.push_back(
        evidence(the_case, "files", fmt::format("{} {}", identity->data_dir, flaw.what)));
    finding.hint += fmt::format("{}'{} {}'", finding.hint.empty() ? "" : " and ", flaw.command,
                                identity->data_dir);
  }
  finding.summary =
      fmt::format("The data directory {} {}.", identity->data_dir, flaws.front().what);
  if (const auto* line = complaint(the_case))
    finding.evidence.push_back(evidence(the_case, "server_log", line->text));
  return {finding};
}

}  // namespace pgkeel::diagnose
