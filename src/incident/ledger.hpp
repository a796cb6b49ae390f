// The identity ledger: what the guard knows of the cluster, kept outside PGDATA so that it survives
// the loss of everything in it. Compared before every start. Rows are only replaced by what was
// read from a server or control file whose system identifier matches.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/strong.hpp"
#include "base/time.hpp"

namespace pgkeel::incident {

class Store;

struct Identity {
  SystemId system_id;
  TimelineId timeline;
  int major = 0;
  Lsn last_lsn;  ///< highest checkpoint or flush position seen
  std::string data_dir;
  std::string filesystem_type;
  std::string filesystem_uuid;  ///< empty when the device has none
  std::uint64_t filesystem_fsid = 0;
  std::string mount_point;
  std::uint64_t device = 0;  ///< of the data directory
  std::uint64_t inode = 0;
  std::string image_digest;  ///< containers
  std::string libc;          ///< e.g. "glibc 2.36"
  WallTime seen_at;
};

struct KnownDatabase {
  Oid oid;
  std::string name;
  std::string owner;
  std::string encoding;
  std::string collate;
  std::string ctype;
  bool operator==(const KnownDatabase&) const = default;
};

struct KnownRelation {
  Oid oid;
  std::string schema;
  std::string name;
  char kind = 'r';  ///< r table, p partitioned table, c partition of one
  std::string owner;
  std::int64_t size_bytes = 0;  ///< when last measured
  std::int64_t rows_estimate = 0;
  [[nodiscard]] std::string qualified() const { return schema + "." + name; }
};

/// A schema-only dump of one database in pg_dump's custom format.
struct Definitions {
  WallTime taken_at;
  std::string dump;
};

/// A configuration file as it was when the server last ran well with it.
struct KnownConfigFile {
  std::string path;
  std::string content;
  unsigned mode = 0600;
  unsigned uid = 0;
  unsigned gid = 0;
};

/// What a person decided about the ledger, and when.
struct Decision {
  WallTime at;
  std::string who;
  std::string what;  ///< accept_identity, forget_database, forget_relation, accept_row_loss
  std::string subject;
  std::string detail;
};

class Ledger {
 public:
  explicit Ledger(Store& store) : store_(&store) {}

  [[nodiscard]] Result<std::optional<Identity>> identity() const;
  /// The first identity is adopted; afterwards the system identifier must match (WrongIdentity),
  /// unless accept_identity was called by an operator. Timeline and LSN never move backwards: an
  /// older position seen later is an old copy.
  Result<void> record_identity(const Identity& identity);
  /// The operator's `unfence`: forgets the old identity (kept in the history table) and what
  /// belonged to it (databases, relations, definitions, configuration).
  Result<void> accept_identity(const Identity& identity, std::string_view who);

  [[nodiscard]] Result<std::vector<KnownDatabase>> databases() const;
  Result<void> record_databases(const std::vector<KnownDatabase>& databases);
  Result<void> forget_database(std::string_view name, std::string_view who);

  [[nodiscard]] Result<std::vector<KnownRelation>> relations(std::string_view database) const;
  /// Replaces the listing of one database in one transaction.
  Result<void> record_relations(std::string_view database,
                                const std::vector<KnownRelation>& relations);
  /// The operator's answer "it was meant": never reported again. Remembered in the history table.
  Result<void> forget_relation(std::string_view database, std::string_view qualified,
                               std::string_view who);

  /// A decision that changes no row of the ledger's own.
  Result<void> note_decision(std::string_view who, std::string_view what, std::string_view subject,
                             std::string_view detail = "");
  /// The operators' decisions, newest first.
  [[nodiscard]] Result<std::vector<Decision>> history(std::size_t most) const;

  [[nodiscard]] Result<std::optional<Definitions>> definitions(std::string_view database) const;
  /// Keeps the last kDefinitionsKept dumps of each database.
  Result<void> record_definitions(std::string_view database, const Definitions& definitions);

  [[nodiscard]] Result<std::vector<KnownConfigFile>> config_files() const;
  Result<void> record_config_files(const std::vector<KnownConfigFile>& files);

  /// Small named facts: "intended_stop", "paused_until", "postmaster" ... empty when never set.
  [[nodiscard]] Result<std::string> fact(std::string_view name) const;
  Result<void> set_fact(std::string_view name, std::string_view value);

 private:
  Store* store_;
};

inline constexpr int kDefinitionsKept = 5;

}  // namespace pgkeel::incident
