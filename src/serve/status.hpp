// The snapshot the guard publishes of itself and of the database: all that serve knows. Plain
// values, made by the guard from probes it has run already, so that no request can cost the
// database anything or wait for it. Values that were never measured are absent, not zero. It
// refuses to hold secrets: no password, token or connection string with one belongs in here.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/duration_histogram.hpp"
#include "base/strong.hpp"
#include "base/time.hpp"
#include "incident/model.hpp"

namespace pgkeel::serve {

/// What the guard makes of the service as a whole.
enum class ServiceState {
  Starting,  ///< the guard has just begun and has not judged yet
  Up,
  Degraded,         ///< serves, but something is wrong: an incident, a limit near
  Down,             ///< does not serve or must not be used, whatever a login says
  Recovering,       ///< a playbook runs; what can be served is served
  Paused,           ///< the operator told the guard to watch only
  IntendedStop,     ///< the operator stopped the server; nobody fights it
  WaitingForHuman,  ///< the guard has stopped trying and called somebody
};
inline constexpr std::size_t kServiceStates = 8;
/// "up", "intended_stop", "waiting_for_human" ...
[[nodiscard]] std::string_view to_string(ServiceState state);

/// What the server is, by its own word (pg_is_in_recovery).
enum class Role { Unknown, Primary, Standby };
[[nodiscard]] std::string_view to_string(Role role);

// Probes by which serve decides; any other name is shown and decides nothing.
inline constexpr std::string_view kProcessProbe = "process";
inline constexpr std::string_view kLoginProbe = "login";
inline constexpr std::string_view kWriteProbe = "write";

/// A probe fed by events instead of polls is never stale.
inline constexpr Millis kNeverStale = Millis::max();
/// Three logins of the default 5 s: one lost is noise, three mean that nobody is looking.
inline constexpr Millis kProbeStaleAfter{15'000};

/// The latest result of one probe.
struct Probe {
  std::string name{};
  bool ok = false;
  SteadyTime at{};     ///< when it ended; its age is measured from here
  WallTime wall_at{};  ///< the same moment for people
  Millis took{0};
  std::string note{};                     ///< why it failed, or a word on what was seen
  Millis stale_after = kProbeStaleAfter;  ///< older than this it reads as failing
};

struct InstanceStatus {
  std::string kind{};         ///< embedded, managed, container, remote
  std::string description{};  ///< "managed postgresql@15-main at /var/lib/postgresql/15/main"
  SystemId system_id{};
  TimelineId timeline{};
  int major = 0;                 ///< 15; 0 while unknown
  std::string server_version{};  ///< "15.18"; empty while unknown
  std::uint16_t port = 0;
  Role role = Role::Unknown;
  pid_t postmaster_pid = 0;              ///< 0: none known
  std::optional<WallTime> started_at{};  ///< of the postmaster
  /// When the guard first saw this postmaster run; a login that ended before it no longer counts.
  std::optional<SteadyTime> running_since{};
  std::string anchor{};  ///< containers: whether the data volume is held; empty where none can be
};

struct Database {
  std::string name{};
  Oid oid{};
  std::optional<std::uint64_t> size_bytes{};
  std::optional<int> connections{};
  bool missing = false;  ///< known or required, and not there
};

struct Connections {
  int used = 0;
  int max = 0;
  int reserved = 0;  ///< superuser_reserved_connections
};

struct TableSize {
  std::string database{};
  std::string schema{};
  std::string name{};
  std::uint64_t size_bytes = 0;  ///< with indexes and TOAST
};

/// The file system of the data directory.
struct Disk {
  std::string mount_point{};
  std::uint64_t bytes_total = 0;
  std::uint64_t bytes_free = 0;  ///< to an unprivileged user
  std::uint64_t inodes_total = 0;
  std::uint64_t inodes_free = 0;
};

/// What the guard does with the archive just now.
struct ArchiveJobNow {
  std::string name{};  ///< "backup now", as a command
  WallTime started_at{};
  std::string progress{};  ///< "1.2 GB of 4.0 GB (30 %), 310 MB/s, 9 s left"; may be empty
};

/// What stands behind the archive's one word. Absent: not known.
struct ArchiveFigures {
  WallTime at{};  ///< from which ages are counted
  std::optional<WallTime> last_backup_at{};
  std::optional<WallTime> last_proof_at{};
  std::optional<Millis> restore_took{};  ///< measured by the last drill that held
  /// Any moment between these two can be had back.
  std::optional<WallTime> restorable_from{};
  std::optional<WallTime> restorable_until{};
  std::optional<int> backups{};
  std::optional<std::uint64_t> stored_bytes{};
  std::optional<ArchiveJobNow> job{};
  /// The newest interval in which commits did not wait although they should; no end: now.
  std::optional<WallTime> unprotected_since{};
  std::optional<WallTime> unprotected_until{};
  std::uint64_t sync_waits_canceled = 0;  ///< since the guard started
};

/// Whether a database refuses drops nobody declared (pgkeel protect).
struct DropsRefused {
  std::string database;
  std::string state;  ///< "on", "off", "damaged", "older", "newer", "foreign"
  bool refuses = false;
  std::optional<WallTime> window_until;  ///< drops are, or were, allowed until then
};

/// A protection that may be configured: replication, archive, shadow. Absent from Status: it is
/// not configured.
struct Protection {
  bool ok = false;
  std::string note{};  ///< "last WAL archived 2 s ago"
  std::optional<std::uint64_t> lag_bytes{};
  std::optional<Millis> lag{};
  std::optional<ArchiveFigures> figures{};  ///< of the archive
};

/// Of the gateway, as it said last. Totals are since it started.
struct GatewayFigures {
  std::int64_t clients = 0;          ///< logged in
  std::int64_t clients_waiting = 0;  ///< for a server connection
  Millis longest_wait{};             ///< of those
  std::int64_t servers_active = 0;   ///< connections to the server that a client has
  std::int64_t servers_idle = 0;
  std::int64_t servers_opening = 0;
  std::int64_t transactions = 0;
  std::int64_t queries = 0;
  std::int64_t received_bytes = 0;     ///< from clients
  std::int64_t sent_bytes = 0;         ///< to clients
  std::chrono::microseconds waited{};  ///< by all clients together
  DurationHistogram waits{};           ///< of one client for a server connection, each time
  DurationHistogram added{};  ///< what a query stayed in the gateway on its way to the server
  friend bool operator==(const GatewayFigures&, const GatewayFigures&) = default;
};

/// What apps connect to. Absent from Status: it is off.
struct Gateway {
  bool ok = false;
  std::string note{};    ///< "12 clients over 4 of the server's connections", "not running"
  std::string listen{};  ///< "127.0.0.1:6543"
  std::optional<GatewayFigures> figures{};
};

struct Capability {
  std::string name{};  ///< can_start, sees_files ...
  bool present = false;
};

/// Something the guard can do here, or why it cannot.
struct Feature {
  std::string name{};      ///< restart_server, create_database ...
  std::string sentence{};  ///< "start a server that died"
  bool able = false;
  std::string why{};  ///< one clause where not able: "needs CREATEDB"
};

/// A channel that calls a human.
struct AlertChannel {
  std::string name{};
  std::string kind{};
  std::int64_t waiting = 0;     ///< messages not delivered yet
  std::uint64_t delivered = 0;  ///< since the guard started
  std::uint64_t failures = 0;   ///< attempts that failed, likewise
  std::string last_failure{};   ///< empty when the last attempt succeeded
  std::optional<WallTime> last_failure_at{};
};

/// The guard's own process.
struct GuardStatus {
  std::string version{};
  pid_t pid = 0;
  WallTime started_at{};
  SteadyTime started{};
  std::uint64_t rss_bytes = 0;
  double cpu_seconds = 0;
};

/// What is not broken yet.
struct Warning {
  std::string name{};
  std::string text{};
  std::string hint{};
};

struct ApplicationItem {
  std::string what{};   ///< "role shop_app", "setting statement_timeout"
  std::string state{};  ///< "made", "will be made ..."
};

/// The application's own role and database, of the first start.
struct Application {
  std::string database{};
  std::string role{};
  std::string state{};  ///< done, pending, failed, only advised, not asked for
  std::optional<WallTime> done_at{};
  std::vector<ApplicationItem> items{};
  std::string failure{};  ///< why it could not be made; empty when nothing failed
  std::string hint{};
};

struct Status {
  ServiceState state = ServiceState::Starting;
  WallTime since{};                      ///< when this state began
  std::string reason;                    ///< one sentence for people; empty when all is well
  std::string mode;                      ///< act, advise
  bool paused = false;                   ///< also while the state says something more urgent
  std::optional<WallTime> paused_until;  ///< absent while paused: until resumed

  InstanceStatus instance;
  std::vector<Probe> probes;
  std::vector<Database> databases;
  std::optional<Connections> connections;
  std::vector<TableSize> largest_tables;       ///< largest first
  std::vector<std::string> missing_relations;  ///< "shop.public.orders"
  std::optional<Disk> disk;
  std::optional<Protection> replication;
  std::optional<Protection> archive;
  std::optional<Protection> shadow;
  std::optional<Gateway> gateway;
  std::vector<DropsRefused> drops;  ///< as far as it was looked at
  std::vector<Capability> capabilities;
  std::vector<Feature> features;
  std::vector<Warning> warnings;
  std::optional<Application> application;

  /// Not closed yet, oldest first; evidence, actions, checks and events may be left out.
  std::vector<incident::Incident> open_incidents;
  std::map<std::string, std::uint64_t> incidents_total;  ///< by cause, since the guard started
  std::uint64_t restarts_total = 0;                      ///< of the server by the guard, likewise
  GuardStatus guard;
  std::vector<AlertChannel> alert_channels;

  /// The probe of that name, or null.
  [[nodiscard]] const Probe* probe(std::string_view name) const;
  /// Sum over the databases whose size is known; nullopt when none is.
  [[nodiscard]] std::optional<std::uint64_t> size_bytes() const;
};

}  // namespace pgkeel::serve
