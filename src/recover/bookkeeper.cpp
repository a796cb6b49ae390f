// See bookkeeper.hpp. A ledger that cannot be written is logged and tried again at the next turn:
// it never stops the guard from watching.
#include "recover/bookkeeper.hpp"

#include <sys/stat.h>

#include <algorithm>

#include <fmt/format.h>

#include "base/log.hpp"
#include "diagnose/case.hpp"
#include "diagnose/warning.hpp"
#include "recover/data_owner.hpp"
#include "recover/definitions.hpp"
#include "recover/mended.hpp"
#include "runtime/files.hpp"

namespace pgkeel::recover {
namespace {

constexpr Seconds kIdentityEvery{30};   // a checkpoint position, at the cost of an fsync
constexpr Seconds kDumpRetryEvery{60};  // after a failed dump
constexpr Millis kCheckEvery{100};
// A server elsewhere is asked seldom, and looked at only with each login.
constexpr Seconds kDumpEveryElsewhere{6 * 3600};
constexpr Seconds kLookPatienceElsewhere{600};
constexpr std::string_view kImageFact = "image";
constexpr int kVersionsPerMajor = 10'000;
constexpr std::size_t kConfigBytesMax = 1U << 20U;

void warn(std::string_view what, const Error& error) {
  log_warning("ledger not updated", {{"what", what}, {"why", error.message()}});
}

incident::Identity identity_from(const instance::DataDirFacts& facts, const std::string& data_dir) {
  incident::Identity identity;
  identity.system_id = facts.control->system_id;
  identity.timeline = facts.control->timeline;
  identity.major = facts.control->major;
  identity.last_lsn = facts.control->checkpoint;
  identity.data_dir = data_dir;
  if (facts.filesystem) {
    identity.filesystem_type = facts.filesystem->type;
    identity.filesystem_uuid = facts.filesystem->uuid;
    identity.filesystem_fsid = facts.filesystem->fsid;
    identity.mount_point = facts.filesystem->mount_point;
  }
  if (facts.inode) {
    identity.device = facts.inode->device;
    identity.inode = facts.inode->inode;
  }
  identity.seen_at = wall_now();
  return identity;
}

// The new listing, and what is known but missing from it.
std::vector<incident::KnownRelation> merged(const std::vector<sense::Relation>& now,
                                            const std::vector<incident::KnownRelation>& known) {
  std::vector<incident::KnownRelation> result;
  std::set<std::uint32_t> present;
  for (const auto& relation : now) {
    present.insert(relation.oid.value);
    result.push_back({relation.oid, relation.schema, relation.name, relation.kind, relation.owner,
                      relation.size_bytes, relation.rows_estimate});
  }
  std::ranges::copy_if(known, std::back_inserter(result), [&](const incident::KnownRelation& row) {
    return !present.contains(row.oid.value);
  });
  return result;
}

std::vector<incident::KnownDatabase> merged(const std::vector<sense::Database>& now,
                                            const std::vector<incident::KnownDatabase>& known) {
  std::vector<incident::KnownDatabase> result;
  for (const auto& database : now)
    if (!database.name.ends_with("_pgkeel_new"))
      result.push_back({database.oid, database.name, database.owner, database.encoding,
                        database.collate, database.ctype});
  const auto listed = result;
  for (const auto& row : known)
    if (std::ranges::find(listed, row.oid, &incident::KnownDatabase::oid) == listed.end())
      result.push_back(row);
  return result;
}

Result<incident::KnownConfigFile> read_config_file(const std::filesystem::path& path) {
  TRY(content, runtime::read_file(path, kConfigBytesMax));
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return fail_errno(errno, path.string());
  return incident::KnownConfigFile{path.string(), std::move(content), status.st_mode & 07777U,
                                   status.st_uid, status.st_gid};
}

bool touched_after(const std::filesystem::path& path, WallTime start) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && WallTime{Seconds(status.st_mtim.tv_sec)} > start;
}

// Not what somebody has just made of the directory: whose the server that runs in it is.
bool is_account_of(pid_t postmaster, uid_t uid) {
  struct stat status{};
  const auto process = fmt::format("/proc/{}", postmaster);
  return postmaster > 0 && uid != 0 && ::stat(process.c_str(), &status) == 0 &&
         status.st_uid == uid;
}

bool names_database(const std::vector<std::string>& subjects, const std::string& database) {
  return std::ranges::any_of(subjects, [&](const std::string& subject) {
    return subject == database || subject.starts_with(database + ".");
  });
}

std::vector<sense::GoodFile> good_files(const std::vector<incident::KnownConfigFile>& files) {
  std::vector<sense::GoodFile> good;
  for (const auto& file : files) good.push_back({file.path, file.content});
  return good;
}

}  // namespace

Result<void> load_known(const incident::Ledger& ledger, diagnose::Known& known) {
  TRY(identity, ledger.identity());
  TRY(databases, ledger.databases());
  TRY(image, ledger.fact(kImageFact));
  TRY(owner, ledger.fact(kOwnerFact));
  known.identity = identity;
  known.image = image;
  known.owner = owner;
  known.databases = databases;
  known.relations.clear();
  for (const auto& database : databases) {
    TRY(relations, ledger.relations(database.name));
    known.relations[database.name] = std::move(relations);
  }
  return load_row_losses(ledger, known);
}

Result<void> Bookkeeper::load() {
  TRY_VOID(load_known(services_.ledger, known_));
  TRY(config, services_.ledger.config_files());
  services_.senses.set_good_files(good_files(config));
  TRY(answered, mended(services_.ledger));
  services_.senses.set_mended(std::move(answered));
  listings_recorded_.clear();
  return {};
}

void Bookkeeper::update(const std::vector<std::string>& open_subjects) {
  const auto& seen = services_.senses.observation();
  if (!seen.healthy() || (!elsewhere() && !seen.files.data_dir.control)) return;
  update_identity();
  if (!is_ours()) return;
  update_surroundings();
  update_databases();
  update_row_losses();
  update_relations();
  if (!elsewhere()) update_configuration();
  update_definitions(open_subjects);
}

bool Bookkeeper::elsewhere() const {
  const auto& seen = services_.senses.observation();
  return diagnose::out_of_sight({seen, known_, services_.loop.now(), {}});
}

// A server elsewhere that does not tell who it is counts as the one that is known.
bool Bookkeeper::is_ours() const {
  const auto seen = seen_identity();
  if (!seen) return elsewhere() && !known_.identity;
  return known_.identity && known_.identity->system_id == seen->system_id;
}

std::optional<incident::Identity> Bookkeeper::seen_identity() const {
  const auto& seen = services_.senses.observation();
  const auto& data_dir = seen.files.data_dir;
  if (data_dir.control) {
    auto identity = identity_from(data_dir, services_.instance.data_dir().string());
    const auto& hosting = seen.hosting.facts;
    if (hosting && hosting->container.running)
      identity.image_digest = hosting->container.image_digest;
    else if (known_.identity) identity.image_digest = known_.identity->image_digest;
    identity.libc = trusted_libc();
    return identity;
  }
  if (!elsewhere() || !seen.login.ok() || !seen.login.system_id.valid()) return std::nullopt;
  incident::Identity identity;
  identity.system_id = seen.login.system_id;
  identity.timeline = seen.login.timeline;
  identity.major = seen.login.server_version / kVersionsPerMajor;
  identity.seen_at = wall_now();
  return identity;
}

// The one the indexes were built on: another one is believed when the server has said that no
// database stands on other rules.
std::string Bookkeeper::trusted_libc() const {
  const auto& seen = services_.senses.observation();
  const auto known = known_.identity ? known_.identity->libc : std::string();
  const auto& now = seen.process.libc;
  if (now.empty()) return known;
  return known.empty() || diagnose::collations_hold(seen, known_) ? now : known;
}

bool Bookkeeper::surroundings_are_new() const {
  const auto& hosting = services_.senses.observation().hosting.facts;
  const bool image = hosting && hosting->container.running &&
                     hosting->container.image_digest != known_.identity->image_digest;
  return image || trusted_libc() != known_.identity->libc;
}

void Bookkeeper::update_identity() {
  const auto now = services_.loop.now();
  const bool early = now - identity_written_ <= kIdentityEvery;
  if (known_.identity && early && !surroundings_are_new()) return;
  const auto seen = seen_identity();
  if (!seen || (known_.identity && known_.identity->system_id != seen->system_id)) return;
  const auto& identity = *seen;
  const bool news = !known_.identity || known_.identity->last_lsn != identity.last_lsn ||
                    known_.identity->timeline != identity.timeline ||
                    known_.identity->inode != identity.inode ||
                    known_.identity->image_digest != identity.image_digest ||
                    known_.identity->libc != identity.libc;
  identity_written_ = now;
  if (!news) return;
  const auto recorded = services_.ledger.record_identity(identity);
  if (!recorded) return warn("identity", recorded.error());
  known_.identity = identity;
}

void Bookkeeper::remember(std::string_view fact, std::string value, std::string& known) {
  if (value.empty() || value == known) return;
  const auto recorded = services_.ledger.set_fact(fact, value);
  if (!recorded) return warn(fact, recorded.error());
  known = std::move(value);
}

// What it serves in: compared when it does not any more.
void Bookkeeper::update_surroundings() {
  const auto& seen = services_.senses.observation();
  const auto& owner = seen.files.data_dir.owner;
  if (owner && is_account_of(seen.process.pid, owner->uid))
    remember(kOwnerFact, fmt::format("{}:{}", owner->uid, owner->gid), known_.owner);
  const auto& hosting = seen.hosting.facts;
  if (hosting && hosting->container.running)
    remember(kImageFact, hosting->container.image, known_.image);
}

void Bookkeeper::update_databases() {
  const auto& catalog = services_.senses.observation().catalog;
  if (!catalog.seen) return;
  auto databases = merged(catalog.databases, known_.databases);
  if (databases == known_.databases) return;
  const auto recorded = services_.ledger.record_databases(databases);
  if (!recorded) return warn("databases", recorded.error());
  known_.databases = std::move(databases);
}

void Bookkeeper::update_row_losses() {
  const auto& seen = services_.senses.observation();
  const bool news = row_losses_.follow(seen, services_.loop.now(), wall_now(), known_);
  row_losses_unwritten_ = row_losses_unwritten_ || news;
  if (!row_losses_unwritten_) return;
  const auto kept = keep_row_losses(services_.ledger, known_);
  if (!kept) return warn("lost rows", kept.error());
  row_losses_unwritten_ = false;
}

void Bookkeeper::update_relations() {
  for (const auto& [database, listing] : services_.senses.observation().catalog.listings) {
    if (listing.truncated || listings_recorded_[database] == listing.changes) continue;
    const auto row = std::ranges::find(known_.databases, database, &incident::KnownDatabase::name);
    if (row == known_.databases.end()) continue;
    auto relations = merged(listing.relations, known_.relations[database]);
    const auto recorded = services_.ledger.record_relations(database, relations);
    if (!recorded) return warn("tables", recorded.error());
    known_.relations[database] = std::move(relations);
    listings_recorded_[database] = listing.changes;
  }
}

// The files count as good when this server was started with them: one written after its start may
// be the one that breaks the next start.
void Bookkeeper::update_configuration() {
  const auto& seen = services_.senses.observation();
  if (configuration_of_ == seen.process.pid) return;
  configuration_of_ = seen.process.pid;
  std::vector<incident::KnownConfigFile> files;
  for (const auto& path : services_.instance.config_files()) {
    auto file = read_config_file(path);
    if (!file) return warn("configuration", file.error());
    files.push_back(std::move(*file));
  }
  const auto known = services_.ledger.config_files();
  const bool first = known && known->empty();
  const bool touched = std::ranges::any_of(files, [&](const auto& file) {
    return touched_after(file.path, seen.login.postmaster_started);
  });
  if (touched && !first) return;
  const auto recorded = services_.ledger.record_config_files(files);
  if (!recorded) return warn("configuration", recorded.error());
  services_.senses.set_good_files(good_files(files));
}

void Bookkeeper::update_definitions(const std::vector<std::string>& open_subjects) {
  if (services_.client_bin_dir.empty()) return;
  const auto now = services_.loop.now();
  for (const auto& [database, listing] : services_.senses.observation().catalog.listings) {
    const auto kept = definitions_of_.find(database);
    if (kept != definitions_of_.end() && kept->second == listing.ddl_changes) continue;
    if (dumping_.contains(database) || now < dump_not_before_[database]) continue;
    // pg_dump locks every table, and fails in the server's log where it may not.
    if (!std::ranges::all_of(listing.relations, &sense::Relation::readable)) continue;
    if (names_database(open_subjects, database)) continue;
    dumping_.insert(database);
    services_.loop.spawn(refresh_definitions(database, listing.ddl_changes));
  }
}

// A dump counts only when the watch, looking after it ended, has seen no change since it began:
// otherwise it may already lack what was just dropped.
runtime::Task<bool> Bookkeeper::unchanged_after(std::string database, int ddl_changes,
                                                SteadyTime moment) {
  const auto patience =
      services_.loop.after(elsewhere() ? kLookPatienceElsewhere : kDumpRetryEvery);
  const auto& listings = services_.senses.observation().catalog.listings;
  while (services_.loop.now() < patience) {
    const auto listing = listings.find(database);
    if (listing == listings.end() || listing->second.ddl_changes != ddl_changes) co_return false;
    if (listing->second.checked_at > moment) co_return true;
    static_cast<void>(co_await services_.loop.sleep_for(kCheckEvery));
  }
  co_return false;
}

runtime::Task<void> Bookkeeper::refresh_definitions(std::string database, int ddl_changes) {
  auto dump = co_await dump_definitions(&services_, database);
  const auto ended = services_.loop.now();
  if (elsewhere()) dump_not_before_[database] = services_.loop.after(kDumpEveryElsewhere);
  if (!dump) {
    dumping_.erase(database);
    if (!elsewhere()) dump_not_before_[database] = services_.loop.after(kDumpRetryEvery);
    warn("definitions of " + database, dump.error());
    co_return;
  }
  const auto unchanged = co_await unchanged_after(database, ddl_changes, ended);
  dumping_.erase(database);
  if (!unchanged) co_return;
  const auto recorded =
      services_.ledger.record_definitions(database, {wall_now(), std::move(*dump)});
  if (!recorded) warn("definitions of " + database, recorded.error());
  else definitions_of_[database] = ddl_changes;
}

}  // namespace pgkeel::recover
