// What pgkeel was told, as typed values. Made from pgkeel.toml, env files, the environment and
// flags (later ones win) by one table of definitions: config/keys.cpp. Every value here is
// validated and every path is absolute; code that reads a Config never parses text. It refuses to
// guess: an unknown key, a wrong unit or a value of the wrong type is an error that names the place
// and what is accepted.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "incident/model.hpp"

namespace pgkeel::instance {
enum class Kind;  // instance/instance.hpp; the values are only needed by those who switch on them
}

namespace pgkeel::app {

enum class Mode { Act, Advise };
/// What to do about a table or database that is gone: bring it back with its rows, re-create it
/// empty (reported as data loss), or name it and wait for a human.
enum class MissingPolicy { Restore, RecreateEmpty, Advise };

/// What to do about a cluster an image initialised over the known one: fence it and bring the known
/// data back, or name it and wait for a human.
enum class FreshPolicy { Reattach, Advise };

[[nodiscard]] std::string_view to_string(Mode mode);
[[nodiscard]] std::string_view to_string(MissingPolicy policy);

struct TableName {
  std::string database;
  std::string schema;
  std::string table;
  friend bool operator==(const TableName&, const TableName&) = default;
  [[nodiscard]] std::string qualified() const { return database + "." + schema + "." + table; }
};

struct InstanceConfig {
  instance::Kind kind{};           ///< zero is embedded
  std::filesystem::path data_dir;  ///< empty: remote, container, or known by `unit`
  std::filesystem::path bin_dir;   ///< empty: found from the data directory's major version
  std::string unit;                ///< "postgresql@15-main"; empty: pg_ctl
  std::string url;                 ///< as given, may hold a password; empty: over the socket
  std::uint16_t port = 0;  ///< 0: from postmaster.pid or postgresql.conf; embedded: a free one
  std::vector<std::string> databases;      ///< must exist
  std::vector<TableName> required_tables;  ///< must exist
  std::string container;
  std::filesystem::path engine_socket;
  std::filesystem::path socket_dir;  ///< where the server's Unix socket is; empty: the server's own
  std::filesystem::path log_file;    ///< the server's log; empty: asked from the server
  bool disposable = false;           ///< `pgkeel inject` may break it
};

struct SenseConfig {
  Millis login_every{5'000};   ///< fresh login over the path clients use
  Millis in_doubt{1'000};      ///< the same while something looks wrong
  Millis timeout{2'000};       ///< a probe that takes longer has failed
  int confirm = 2;             ///< failures in a row before a finding
  Millis write_every{60'000};  ///< one write through WAL to disk; 0: never
  Millis watch_every{500};     ///< cheap look at databases and relations; 0: with each login
  Millis idle_in_transaction{300'000};  ///< longer, while others wait for it, is a finding
};

/// What must hold in the data for a recovery to count.
struct InvariantConfig {
  std::string database;
  std::string sql;
  std::string expect;  ///< as recover::parse_expectation reads it
};

/// What to run or call once after a recovery: a command or a url.
struct HookConfig {
  std::string command;
  std::string url;
  Millis timeout{30'000};
};

/// A log of an application that uses the database; read by doctor.
struct AppLogConfig {
  std::filesystem::path path;
};

/// What the plan of the server allows; a finding when it is nearly used up.
struct LimitsConfig {
  std::optional<std::uint64_t> storage_bytes;
  int connections = 0;  ///< 0: no limit known
  double warn_at = 0.8;
};

struct RestartBudget {
  int count = 5;
  Millis window{300'000};
  friend bool operator==(const RestartBudget&, const RestartBudget&) = default;
};

struct RecoverConfig {
  MissingPolicy missing_table = MissingPolicy::Restore;
  MissingPolicy missing_database = MissingPolicy::Restore;  ///< default: as missing_table
  FreshPolicy fresh_cluster = FreshPolicy::Reattach;
  RestartBudget restarts;
  Millis idle_sessions{300'000};        ///< ended after it while clients are refused; 0: never
  Millis idle_in_transaction{900'000};  ///< ended after it while it holds others up; 0: never
  /// Kept in reserve on the server's disks; 0: none.
  std::optional<std::uint64_t> ballast_bytes = 128'000'000;
  /// Of one session while a disk is full: more, and it is ended; 0: never.
  std::optional<std::uint64_t> temp_files_bytes = 0;
  /// Of the container's log while a disk is full: more, and it is emptied; 0: never.
  std::optional<std::uint64_t> engine_log_bytes = 0;
  /// To which a container's memory limit may be raised; 0: never.
  std::optional<std::uint64_t> memory_limit_bytes = 0;
  Millis hung_after{60'000};  ///< no login, CPU, I/O or LSN progress for so long: hung
  Millis watch_for{600'000};  ///< stability watch before an incident is closed
};

/// On which instances the application's role and database are made.
enum class ApplyPolicy { Owned, Always, Never };

/// The application's own role and database, made on the first start; empty database: none wanted.
struct ApplicationConfig {
  std::string database;
  std::string role;                     ///< empty: as the database
  std::string password;                 ///< secret; better a file
  std::filesystem::path password_file;  ///< outranked by password
  int connections = 0;                  ///< 0: four fifths of what the server takes
  Millis statement_timeout{600'000};
  Millis lock_timeout{30'000};
  Millis idle_in_transaction_timeout{900'000};
  ApplyPolicy apply = ApplyPolicy::Owned;

  [[nodiscard]] bool configured() const { return !database.empty(); }
  [[nodiscard]] const std::string& role_name() const { return role.empty() ? database : role; }
};

/// One [[alert]] table. Which keys a kind needs is in notify/channel.cpp.
struct AlertConfig {
  std::string kind;
  std::string name;  ///< empty: the kind
  std::string url;   ///< may hold a token
  std::filesystem::path token_file;
  std::string chat_id;
  std::string api_url;
  std::string server;  ///< email: smtp:// or smtps://
  std::string from;
  std::string to;  ///< empty: only the addresses [escalate] names
  std::string user;
  incident::Severity min_severity = incident::Severity::Warning;
  Millis repeat_every{4 * 3'600'000};
  Millis interval{60'000};

  [[nodiscard]] const std::string& called() const { return name.empty() ? kind : name; }
};

/// A store of the archive. S3's keys come from a file or from AWS_ACCESS_KEY_ID and its secret.
struct StoreConfig {
  std::string where;  ///< absolute directory or s3://bucket/prefix; empty: none
  std::string endpoint;
  std::string region = "us-east-1";
  std::filesystem::path credentials_file;

  /// Where it is on a disk of this machine; empty: it is not, or there is none.
  [[nodiscard]] std::filesystem::path directory() const {
    return where.starts_with("s3://") ? std::filesystem::path() : std::filesystem::path(where);
  }
};

enum class Durability { Async, Sync };

/// What synchronous commits do while the archive cannot be reached.
struct SyncOnLoss {
  std::optional<Millis> degrade_after = Millis(10'000);  ///< none: they wait
  friend bool operator==(const SyncOnLoss&, const SyncOnLoss&) = default;
};

struct ArchiveConfig {
  StoreConfig store;
  Durability durability = Durability::Async;
  SyncOnLoss sync_on_loss;
  Millis full_every{86'400'000};
  Millis keep{7 * 86'400'000};
  int keep_full = 1;  ///< proven backups kept whatever their age
  Millis drill_every{86'400'000};
  Millis dump_every{0};  ///< logical dumps; 0: never
  Millis dump_keep{7 * 86'400'000};
  int dump_keep_count = 3;          ///< good dumps kept whatever their age
  std::filesystem::path drill_dir;  ///< empty: beside the data directory
  std::filesystem::path encryption_key_file;
  std::optional<std::uint64_t> max_rate;  ///< bytes a second of a base backup
  int compress_level = 3;                 ///< of zstd
  StoreConfig offsite;
  Millis offsite_keep{30 * std::int64_t{86'400'000}};

  [[nodiscard]] bool configured() const { return !store.where.empty(); }
};

/// When what was dropped is brought back: once it is wanted, or when a person says so. Off: it is
/// only written down.
enum class UndropPolicy { OnDemand, Ask, Off };

struct ShadowConfig {
  bool enabled = false;
  std::filesystem::path data_dir;  ///< empty: beside the data directory
  Millis hold{30 * 60'000};        ///< it is kept from a destruction that long; zero: not at all
  int mass_rows = 1'000;           ///< of one table, by one transaction
  double mass_share = 0.5;
  UndropPolicy undrop = UndropPolicy::OnDemand;
};

struct ListenAddress {
  std::string host;
  std::uint16_t port = 0;  ///< 0: a free one
  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

enum class GatewayPool { Session, Transaction };
/// Where what a client must prove comes from.
enum class GatewayAuth { Verifier, File };
/// What whoever reaches the gateway's Unix socket has to prove: as over TCP, or nothing.
enum class SocketTrust { Off, On };

struct GatewayConfig {
  std::optional<ListenAddress> listen;  ///< none: nobody connects
  std::filesystem::path socket_dir;     ///< it also listens there; empty: nowhere
  SocketTrust socket_trust = SocketTrust::Off;
  std::filesystem::path server_socket;  ///< its directory; empty: the server is reached over TCP
  GatewayPool pool = GatewayPool::Session;
  int size = 20;            ///< servers of a database and user
  Millis hold_max{25'000};  ///< a client waits for a server no longer
  std::filesystem::path tls_cert;
  GatewayAuth auth = GatewayAuth::Verifier;
  std::filesystem::path auth_file;
  std::string account = "nobody";  ///< whom it runs as where the guard is root
};

struct HttpConfig {
  std::optional<ListenAddress> listen;  ///< none: only the Unix socket (listen = "off")
  std::filesystem::path token_file;     ///< empty: nothing that changes anything is served over TCP
};

struct LogConfig {
  LogFormat format = LogFormat::Text;
  LogLevel level = LogLevel::Info;
};

struct Config {
  std::filesystem::path file;  ///< the pgkeel.toml that was read; empty: none
  /// --config, --state-dir, --set ... as they were given: what a pgkeel started by this one needs
  /// to read the same configuration.
  std::vector<std::string> flags;
  std::filesystem::path state_dir;  ///< ledger, journal, guard.sock; 0700
  Mode mode = Mode::Act;
  InstanceConfig instance;
  SenseConfig sense;
  RecoverConfig recover;
  std::vector<InvariantConfig> invariants;
  std::vector<HookConfig> after_recovery;
  std::vector<AppLogConfig> app_logs;
  LimitsConfig limits;
  ApplicationConfig application;
  ArchiveConfig archive;
  ShadowConfig shadow;
  GatewayConfig gateway;
  HttpConfig http;
  std::vector<AlertConfig> alerts;
  std::map<Millis, std::vector<std::string>> escalate;  ///< channels by the incident's age
  LogConfig log;

  [[nodiscard]] std::filesystem::path guard_socket() const { return state_dir / "guard.sock"; }
};

/// One key as it ended up, for `pgkeel config show`.
struct Setting {
  std::string key;     ///< "sense.login_every"; of a list of tables "alert[1].kind"
  std::string value;   ///< as text; masked when it is or holds a secret; empty: not set
  std::string origin;  ///< "default", "pgkeel.toml:4", "PGKEEL_MODE", ".env:2 PGKEEL_MODE", "--set"
  bool is_default = true;
  bool in_effect = true;  ///< false: read and checked, but no part of pgkeel uses it yet
};

struct LoadedConfig {
  Config config;
  std::vector<Setting> settings;   ///< in the order of docs/reference/configuration.md
  std::vector<std::string> notes;  ///< what is odd but no error, one sentence each
};

/// A value given on the command line.
struct FlagSetting {
  std::string key;  ///< "state_dir"
  std::string value;
  std::string flag;  ///< "--state-dir", for messages
};

/// Where configuration may come from. Tests fill it by hand; commands take it from the process.
struct ConfigSources {
  std::filesystem::path file;            ///< --config; empty: ./pgkeel.toml, then system_file
  std::optional<std::string> file_text;  ///< what `file` holds, when it is not to be read from disk
  std::filesystem::path working_dir;
  std::filesystem::path system_file = "/etc/pgkeel/pgkeel.toml";
  std::map<std::string, std::string> environment;
  std::vector<FlagSetting> flags;

  /// This process: its environment and working directory.
  [[nodiscard]] static ConfigSources of_process();
};

/// The configuration with everything that is wrong with it; usable only when nothing is.
struct ConfigReading {
  LoadedConfig loaded;
  std::vector<Error> problems;
};

/// Reads and validates everything and goes on after an error, for `pgkeel config check`.
/// ConfigUnreadable, ConfigSyntax (file:line:column), ConfigUnknownKey (with the nearest known
/// name), ConfigBadValue (with what is accepted).
[[nodiscard]] ConfigReading read_config(const ConfigSources& sources);

/// The same for those who need a configuration: the first problem is the error.
[[nodiscard]] Result<LoadedConfig> load_config(const ConfigSources& sources);

}  // namespace pgkeel::app
