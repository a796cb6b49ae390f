// The table itself, then what is derived from a row. Order here is the order of the reference and
// of `pgkeel config show`.
#include "app/config/keys.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include <fmt/format.h>

#include "pg/conninfo.hpp"

namespace pgkeel::app {
namespace {

template <auto Member>
bool into(Config& config, const Values& values) {
  return read_value(values, config.*Member);
}
template <auto Section, auto Member>
bool into(Config& config, const Values& values) {
  return read_value(values, config.*Section.*Member);
}
template <auto Section, auto Part, auto Member>
bool into_part(Config& config, const Values& values) {
  return read_value(values, config.*Section.*Part.*Member);
}
// A key of one table in a list of them, such as [[invariant]].
template <auto List, auto Member>
bool into_row(Config& config, std::size_t row, const Values& values) {
  auto& list = config.*List;
  if (list.size() <= row) list.resize(row + 1);
  return read_value(values, list[row].*Member);
}
bool into_escalate(Config& config, std::string_view name, const Values& values) {
  const auto age = parse_duration(name);
  return age && read_value(values, config.escalate[*age]);
}
// The loader itself acts on env_file, before the other sources are read.
bool taken_by_loader(Config&, const Values&) { return true; }

using enum ValueType;
using I = InstanceConfig;
using S = SenseConfig;
using R = RecoverConfig;
using A = AlertConfig;
constexpr auto kInstance = &Config::instance;
constexpr auto kSense = &Config::sense;
constexpr auto kRecover = &Config::recover;
constexpr auto kAlerts = &Config::alerts;
constexpr auto kHooks = &Config::after_recovery;
constexpr auto kLimits = &Config::limits;
using P = ApplicationConfig;
constexpr auto kApplication = &Config::application;
using B = ArchiveConfig;
constexpr auto kArchive = &Config::archive;
constexpr auto kShadow = &Config::shadow;
constexpr auto kGateway = &Config::gateway;

// Faster than these a probe would cost the server more than it tells; slower is no watch at all.
constexpr std::int64_t kProbeMillisMin = 100;
constexpr std::int64_t kProbeMillisMax = 3'600'000;

// clang-format off
constexpr auto kKeys = std::to_array<KeyDefinition>({
  {.key = "state_dir", .type = Path,
   .fallback_note = "embedded and remote: ./pgkeel-data/state, else /var/lib/pgkeel",
   .description = "Where the guard keeps its ledger, journal and guard.sock. Never inside the data directory.",
   .into = into<&Config::state_dir>},
  {.key = "mode", .type = Choice, .fallback = "act",
   .description = "act: repair. advise: show exactly what would be done and do nothing.",
   .choices = "act|advise", .into = into<&Config::mode>},
  {.key = "env_file", .type = PathList,
   .description = "Files of NAME=value lines, read as if they were in the environment (which outranks them). Only PGKEEL_*, DATABASE_URL and POSTGRES_* are looked at.",
   .into = taken_by_loader},

  {.key = "instance.kind", .type = Choice, .fallback_note = "see \"Which kind\" above",
   .description = "How PostgreSQL runs: a server on this host, in a container, somewhere else, or a private cluster of pgkeel's own.",
   .choices = "managed|container|remote|embedded", .into = into<kInstance, &I::kind>},
  {.key = "instance.data_dir", .type = Path, .fallback_note = "embedded: ./pgkeel-data/data",
   .description = "PostgreSQL's data directory. Required for managed, unless unit names a Debian cluster.",
   .into = into<kInstance, &I::data_dir>},
  {.key = "instance.bin_dir", .type = Path,
   .fallback_note = "found from the data directory's major version",
   .description = "The directory that holds postgres, pg_ctl and psql.",
   .into = into<kInstance, &I::bin_dir>},
  {.key = "instance.unit", .type = Text,
   .description = "The systemd unit that runs the server, e.g. postgresql@15-main. Not set: pg_ctl or pg_ctlcluster.",
   .into = into<kInstance, &I::unit>},
  {.key = "instance.url", .type = Conninfo, .fallback_note = "over the server's own Unix socket",
   .description = "How the guard connects: postgresql://... or keyword=value. A password in it is never shown.",
   .secrecy = Secrecy::HoldsPassword, .into = into<kInstance, &I::url>},
  {.key = "instance.port", .type = Count,
   .fallback_note = "from postmaster.pid or postgresql.conf; embedded: a free one",
   .description = "The server's TCP port.", .least = 1, .most = 65535,
   .into = into<kInstance, &I::port>},
  {.key = "instance.databases", .type = TextList,
   .description = "Databases that must exist.", .into = into<kInstance, &I::databases>},
  {.key = "instance.required_tables", .type = TableList,
   .description = "Tables that must exist, as database.schema.table.",
   .into = into<kInstance, &I::required_tables>},
  {.key = "instance.container", .type = Text,
   .description = "Name of the container that runs the server, or of the Swarm service whose task does.",
   .into = into<kInstance, &I::container>},
  {.key = "instance.engine_socket", .type = Path, .fallback = "/var/run/docker.sock",
   .description = "Socket of the container engine (Docker or Podman).",
   .into = into<kInstance, &I::engine_socket>},
  {.key = "instance.socket_dir", .type = Path,
   .fallback_note = "embedded: run beside data_dir, else the server's own",
   .description = "The directory of the server's Unix socket.",
   .into = into<kInstance, &I::socket_dir>},
  {.key = "instance.log_file", .type = Path, .fallback_note = "asked from the server",
   .description = "The server's log.", .into = into<kInstance, &I::log_file>},
  {.key = "instance.disposable", .type = Flag, .fallback = "false",
   .description = "Marks an instance that `pgkeel inject` may break on purpose. Embedded ones always are.",
   .into = into<kInstance, &I::disposable>},

  {.key = "sense.login_every", .type = Duration, .fallback = "5s", .fallback_note = "remote: 60s",
   .description = "How often a fresh login is tried over the path clients use.",
   .least = kProbeMillisMin, .most = kProbeMillisMax, .into = into<kSense, &S::login_every>},
  {.key = "sense.in_doubt", .type = Duration, .fallback = "1s", .fallback_note = "remote: 5s",
   .description = "The same while something looks wrong. Not longer than login_every. A remote server that stays away is asked ever less often, down to login_every.",
   .least = kProbeMillisMin, .most = kProbeMillisMax, .into = into<kSense, &S::in_doubt>},
  {.key = "sense.timeout", .type = Duration, .fallback = "2s", .fallback_note = "remote: 10s",
   .description = "A probe that takes longer has failed.",
   .least = kProbeMillisMin, .most = kProbeMillisMax, .into = into<kSense, &S::timeout>},
  {.key = "sense.confirm", .type = Count, .fallback = "2",
   .description = "Failed probes in a row before they mean anything.", .least = 1, .most = 100,
   .into = into<kSense, &S::confirm>},
  {.key = "sense.write_every", .type = Duration, .fallback = "60s", .fallback_note = "remote: 0s",
   .description = "How often one small write is sent through WAL to disk; it leaves nothing in your schemas.",
   .least = kProbeMillisMin, .most = 86'400'000, .zero_means = "never", .into = into<kSense, &S::write_every>},
  {.key = "sense.watch_every", .type = Duration, .fallback = "500ms", .fallback_note = "remote: 0s",
   .description = "How often databases and relations are counted over a kept session, which is how a DROP is seen before any query fails.",
   .least = kProbeMillisMin, .most = kProbeMillisMax, .zero_means = "with each login, keeping no session", .into = into<kSense, &S::watch_every>},
  {.key = "sense.idle_in_transaction", .type = Duration, .fallback = "5min",
   .description = "How long a session may do nothing in an open transaction while others wait for it, or dead rows are kept for it, before that is an incident (`idle_in_transaction`). A replication slot must be unused, and the server's archive_command fail, for two minutes, or for this long where it is less.",
   .least = 1'000, .most = 86'400'000, .into = into<kSense, &S::idle_in_transaction>},

  {.key = "invariant[].database", .type = Text, .description = "The database the query runs in.",
   .need = Need::Required, .into_row = into_row<&Config::invariants, &InvariantConfig::database>},
  {.key = "invariant[].sql", .type = Text,
   .description = "A query that only reads; the first value of its first row is judged. Checked after every recovery.",
   .need = Need::Required, .into_row = into_row<&Config::invariants, &InvariantConfig::sql>},
  {.key = "invariant[].expect", .type = Expectation, .description = "What the value must be.",
   .need = Need::Required, .into_row = into_row<&Config::invariants, &InvariantConfig::expect>},

  {.key = "after_recovery[].command", .type = Text,
   .description = "Run once by /bin/sh after a recovery was verified. A table has either command or url.",
   .into_row = into_row<kHooks, &HookConfig::command>},
  {.key = "after_recovery[].url", .type = HttpUrl,
   .description = "Called once (GET) after a recovery was verified.",
   .into_row = into_row<kHooks, &HookConfig::url>},
  {.key = "after_recovery[].timeout", .type = Duration, .fallback = "30s",
   .description = "What takes longer is ended and has failed.", .least = kProbeMillisMin,
   .most = kProbeMillisMax, .into_row = into_row<kHooks, &HookConfig::timeout>},

  {.key = "app_log[].path", .type = Path,
   .description = "The log file of an application that uses the database. `pgkeel doctor` looks in the last day of it for what concerns the database; when an incident opens, what kinds of trouble it told of in the last 15 minutes are kept with the evidence, without its words.",
   .need = Need::Required, .into_row = into_row<&Config::app_logs, &AppLogConfig::path>},

  {.key = "recover.missing_table", .type = Choice, .fallback = "restore",
   .description = "A table that is gone: bring it back with its rows; re-create it empty (reported as data loss); or name it and wait for you.",
   .choices = "restore|recreate-empty|advise", .into = into<kRecover, &R::missing_table>},
  {.key = "recover.missing_database", .type = Choice, .fallback_note = "as recover.missing_table",
   .description = "The same for a database.",
   .choices = "restore|recreate-empty|advise", .into = into<kRecover, &R::missing_database>},
  {.key = "recover.fresh_cluster", .type = Choice, .fallback = "reattach",
   .description = "A cluster an image initialised over the known one: stop and keep it and bring the known data back, from the archive where it is nowhere else; or name it and wait for you.",
   .choices = "reattach|advise", .into = into<kRecover, &R::fresh_cluster>},
  {.key = "recover.restarts", .type = Restarts, .fallback = "5 per 300s",
   .description = "How many restarts are tried in a window before a human is called. 0 never restarts.",
   .into = into<kRecover, &R::restarts>},
  {.key = "recover.idle_sessions", .type = Duration, .fallback = "5min",
   .description = "While clients are refused for want of connections: a session that has done nothing for so long may be ended, those of whoever has most first, until a fifth of the connections is free. Never a superuser's, a replication role's, a listener's (LISTEN), one that holds an advisory lock, or one whose role has prepared transactions.",
   .least = 1'000, .most = 86'400'000, .zero_means = "never", .into = into<kRecover, &R::idle_sessions>},
  {.key = "recover.idle_in_transaction", .type = Duration, .fallback = "15min",
   .description = "A session that has done nothing in an open transaction for so long may be ended while others wait for it, dead rows are kept for it, or clients are refused for want of connections; its transaction is rolled back. Never a superuser's or a replication role's.",
   .least = 1'000, .most = 86'400'000, .zero_means = "never", .into = into<kRecover, &R::idle_in_transaction>},
  {.key = "recover.ballast", .type = Size, .fallback = "128MB",
   .description = "Room kept in reserve by a file beside the data directory, and beside pg_wal where that is on another disk: given up when the disk is full. Made only where four times as much is free.",
   .zero_means = "none", .into = into<kRecover, &R::ballast_bytes>},
  {.key = "recover.temp_files", .type = Size, .fallback = "0",
   .description = "While a disk of the server's is full: the statement (or the session that does nothing) whose temporary files take most of it is ended when they are larger than this. Never a superuser's, a replication role's or a dump's.",
   .zero_means = "never", .into = into<kRecover, &R::temp_files_bytes>},
  {.key = "recover.engine_log", .type = Size, .fallback = "0",
   .description = "While a disk of the server's is full: the log the engine keeps of the server's container is emptied when it lies there and is larger than this; its last 256 kB go to the state directory first.",
   .zero_means = "never; the incident says how large it is", .into = into<kRecover, &R::engine_log_bytes>},
  {.key = "recover.memory_limit", .type = Size, .fallback = "0",
   .description = "To which size the memory limit of the server's container may be raised while it runs, by doubling, when the kernel ends the server for want of memory a second time within an hour. Never above four fifths of the machine.",
   .zero_means = "never; the incident says the line that raises it", .into = into<kRecover, &R::memory_limit_bytes>},
  {.key = "recover.hung_after", .type = Duration, .fallback = "60s",
   .description = "No login, CPU, I/O or WAL progress for so long: hung. Slow is not dead.",
   .least = 5'000, .most = 86'400'000, .into = into<kRecover, &R::hung_after>},
  {.key = "recover.watch_for", .type = Duration, .fallback = "10m",
   .description = "Stability watch after a recovery, before the incident is closed.",
   .most = 86'400'000, .into = into<kRecover, &R::watch_for>},

  {.key = "application.database", .type = Text,
   .description = "The application's database, made on the first start with its role. Not set: neither is made.",
   .into = into<kApplication, &P::database>},
  {.key = "application.role", .type = Text, .fallback_note = "as application.database",
   .description = "The role that owns it: no superuser. A role or database that exists is left as it is.",
   .into = into<kApplication, &P::role>},
  {.key = "application.password", .type = Text,
   .description = "Password the role is made with, best as PGKEEL_APPLICATION_PASSWORD; not taken from a flag. It is sent as a SCRAM verifier, and never shown or logged.",
   .secrecy = Secrecy::Secret, .into = into<kApplication, &P::password>},
  {.key = "application.password_file", .type = Path,
   .description = "File with that password alone on its first line, where application.password is not set.",
   .into = into<kApplication, &P::password_file>},
  {.key = "application.connections", .type = Count, .fallback_note = "four fifths of those for ordinary roles",
   .description = "Connections the role may have at once, so that some are left for the guard and for you.",
   .least = 1, .most = 100'000, .into = into<kApplication, &P::connections>},
  {.key = "application.statement_timeout", .type = Duration, .fallback = "10m",
   .description = "statement_timeout of the role.", .least = 1, .most = 86'400'000, .zero_means = "never",
   .into = into<kApplication, &P::statement_timeout>},
  {.key = "application.lock_timeout", .type = Duration, .fallback = "30s",
   .description = "lock_timeout of the role.", .least = 1, .most = 86'400'000, .zero_means = "never",
   .into = into<kApplication, &P::lock_timeout>},
  {.key = "application.idle_in_transaction_timeout", .type = Duration, .fallback = "15m",
   .description = "idle_in_transaction_session_timeout of the role.", .least = 1, .most = 86'400'000,
   .zero_means = "never", .into = into<kApplication, &P::idle_in_transaction_timeout>},
  {.key = "application.apply", .type = Choice, .fallback = "owned",
   .description = "Where both are made: owned, on embedded instances only; always, on this server whosever it is; never. Elsewhere `pgkeel application` shows what would be done, and does it with --apply.",
   .choices = "owned|always|never", .into = into<kApplication, &P::apply>},

  {.key = "archive.store", .type = Store,
   .description = "Where base backups and WAL go: a directory, better on another disk than the data's, or a bucket. Not set: there is no archive.",
   .into = into_part<kArchive, &B::store, &StoreConfig::where>},
  {.key = "archive.endpoint", .type = HttpUrl, .fallback_note = "Amazon's of the region",
   .description = "Address of an S3 service that is not Amazon's.",
   .into = into_part<kArchive, &B::store, &StoreConfig::endpoint>},
  {.key = "archive.region", .type = Text, .fallback = "us-east-1",
   .description = "Region the requests to S3 are signed for.",
   .into = into_part<kArchive, &B::store, &StoreConfig::region>},
  {.key = "archive.credentials_file", .type = Path, .fallback_note = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
   .description = "File with the bucket's access key and secret key, a line each.",
   .into = into_part<kArchive, &B::store, &StoreConfig::credentials_file>},
  {.key = "archive.durability", .type = Choice, .fallback = "async",
   .description = "sync: a commit waits until its WAL is on the archive's disk.",
   .choices = "async|sync", .into = into<kArchive, &B::durability>},
  {.key = "archive.sync_on_loss", .type = ValueType::SyncOnLoss, .fallback = "degrade after 10s",
   .description = "What a sync commit does while the archive cannot be reached.",
   .into = into<kArchive, &B::sync_on_loss>},
  {.key = "archive.full_every", .type = Duration, .fallback = "24h",
   .description = "Time between full backups.", .least = 60'000, .into = into<kArchive, &B::full_every>},
  {.key = "archive.keep", .type = Duration, .fallback = "7d",
   .description = "How far back a restore must reach.", .least = 60'000, .into = into<kArchive, &B::keep>},
  {.key = "archive.keep_full", .type = Count, .fallback = "1",
   .description = "How many proven backups are kept whatever their age.", .least = 1, .most = 10'000,
   .into = into<kArchive, &B::keep_full>},
  {.key = "archive.drill_every", .type = Duration, .fallback = "24h",
   .description = "Time between proofs that the newest backup restores.", .least = 60'000,
   .into = into<kArchive, &B::drill_every>},
  {.key = "archive.dump_every", .type = Duration, .fallback = "0s", .fallback_note = "as full_every where the connection may not replicate",
   .description = "Time between logical dumps of every database (pg_dump).", .least = 60'000,
   .zero_means = "never", .into = into<kArchive, &B::dump_every>},
  {.key = "archive.dump_keep", .type = Duration, .fallback = "7d",
   .description = "How long logical dumps are kept; in the second store as archive.offsite.keep says.", .least = 60'000,
   .into = into<kArchive, &B::dump_keep>},
  {.key = "archive.dump_keep_count", .type = Count, .fallback = "3",
   .description = "How many good logical dumps are kept whatever their age.", .least = 1, .most = 10'000,
   .into = into<kArchive, &B::dump_keep_count>},
  {.key = "archive.drill_dir", .type = Path, .fallback_note = "beside the data directory, with .pgkeel-drill",
   .description = "Scratch space of the drills; as large as the database.",
   .into = into<kArchive, &B::drill_dir>},
  {.key = "archive.encryption_key_file", .type = Path,
   .description = "File with the key backups are encrypted with: 64 hex digits, the newest key first.",
   .into = into<kArchive, &B::encryption_key_file>},
  {.key = "archive.max_rate", .type = Size, .fallback_note = "no limit",
   .description = "Bytes a second a base backup may take from the server, such as 50MB.",
   .into = into<kArchive, &B::max_rate>},
  {.key = "archive.compress_level", .type = Count, .fallback = "3",
   .description = "Level of zstd.", .least = 1, .most = 19, .into = into<kArchive, &B::compress_level>},
  {.key = "archive.offsite.store", .type = Store, .description = "A second store, somewhere else.",
   .into = into_part<kArchive, &B::offsite, &StoreConfig::where>},
  {.key = "archive.offsite.endpoint", .type = HttpUrl, .fallback_note = "Amazon's of the region",
   .description = "Address of an S3 service that is not Amazon's.",
   .into = into_part<kArchive, &B::offsite, &StoreConfig::endpoint>},
  {.key = "archive.offsite.region", .type = Text, .fallback = "us-east-1",
   .description = "Region the requests to S3 are signed for.",
   .into = into_part<kArchive, &B::offsite, &StoreConfig::region>},
  {.key = "archive.offsite.credentials_file", .type = Path, .fallback_note = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
   .description = "File with the bucket's access key and secret key, a line each.",
   .into = into_part<kArchive, &B::offsite, &StoreConfig::credentials_file>},
  {.key = "archive.offsite.keep", .type = Duration, .fallback = "30d",
   .description = "How far back the second store reaches.", .least = 60'000,
   .into = into<kArchive, &B::offsite_keep>},

  {.key = "shadow.enabled", .type = Flag, .fallback = "false",
   .description = "Stream the archive's WAL to standbys on this machine, over a socket in the shadow's directory with .run behind its name.",
   .into = into<kShadow, &ShadowConfig::enabled>},
  {.key = "shadow.data_dir", .type = Path, .fallback_note = "beside the data directory (of a container: beside state_dir), with .pgkeel-shadow",
   .description = "The shadow's data directory.", .into = into<kShadow, &ShadowConfig::data_dir>},
  {.key = "shadow.hold", .type = Duration, .fallback = "30min",
   .description = "How long the shadow is kept from a DROP, a TRUNCATE or a mass DELETE or UPDATE, so that what was lost comes back from it within seconds. Meanwhile it is that far behind.",
   .most = 86'400'000, .zero_means = "not at all", .into = into<kShadow, &ShadowConfig::hold>},
  {.key = "shadow.mass_rows", .type = Count, .fallback = "1000",
   .description = "Rows of one table deleted or updated by one transaction: from so many on the shadow is kept from it, if they are mass_share of the table too.",
   .least = 1, .into = into<kShadow, &ShadowConfig::mass_rows>},
  {.key = "shadow.mass_share", .type = Ratio, .fallback = "0.5",
   .description = "The share of the table's rows.", .into = into<kShadow, &ShadowConfig::mass_share>},
  {.key = "shadow.undrop", .type = Choice, .fallback = "on-demand",
   .description = "When what was dropped is brought back by itself: where it is required or once an app asks for it, or never. Off: it is only written down, and the shadow goes on.",
   .choices = "on-demand|ask|off", .into = into<kShadow, &ShadowConfig::undrop>},

  {.key = "gateway.listen", .type = Listen, .fallback = "127.0.0.1:6543",
   .description = "Where apps connect: the guard starts a gateway there. off: none.", .into = into<kGateway, &GatewayConfig::listen>},
  {.key = "gateway.socket_dir", .type = Path, .fallback_note = "no Unix socket",
   .description = "Directory of a Unix socket the gateway listens at too, as .s.PGSQL. and the port of gateway.listen: an app's host=DIR. It has to be there, and is left as it is.",
   .into = into<kGateway, &GatewayConfig::socket_dir>},
  {.key = "gateway.socket_trust", .type = Choice, .fallback = "off",
   .description = "Whoever reaches the Unix socket is believed to be who it says, the admin included, as trust in pg_hba.conf: keep its directory to those. off: passwords, as over TCP.",
   .choices = "off|on", .into = into<kGateway, &GatewayConfig::socket_trust>},
  {.key = "gateway.server_socket", .type = Path, .fallback_note = "over TCP",
   .description = "Directory of the Unix socket the server is reached by. pg_hba.conf must ask for passwords there (local all all scram-sha-256), not for peer.",
   .into = into<kGateway, &GatewayConfig::server_socket>},
  {.key = "gateway.pool", .type = Choice, .fallback = "session",
   .description = "How long a client keeps a server connection: until it leaves, or until its transaction is over. In transaction a client that has something in its session (a temporary table, LISTEN, a lock, a setting) keeps it longer; what functions do to the session is not seen. auto is transaction.",
   .choices = "session|transaction|auto", .into = into<kGateway, &GatewayConfig::pool>},
  {.key = "gateway.size", .type = Count, .fallback = "20",
   .description = "Server connections of one database and user, at most.", .least = 1, .most = 10'000,
   .into = into<kGateway, &GatewayConfig::size>},
  {.key = "gateway.hold_max", .type = Duration, .fallback = "25s",
   .description = "How long a client waits for a server connection before it is told.", .least = 100, .most = 3'600'000,
   .into = into<kGateway, &GatewayConfig::hold_max>},
  {.key = "gateway.tls_cert", .type = Path, .fallback_note = "no TLS",
   .description = "Certificate shown to clients, in PEM, with its key in the same file or beside it with .key for its extension.",
   .into = into<kGateway, &GatewayConfig::tls_cert>},
  {.key = "gateway.auth", .type = Choice, .fallback = "verifier",
   .description = "Where what clients must prove comes from: the server's own verifiers, or gateway.auth_file.",
   .choices = "verifier|file", .into = into<kGateway, &GatewayConfig::auth>},
  {.key = "gateway.auth_file", .type = Path,
   .description = "Users and their passwords or verifiers, a line each, as PgBouncer's userlist.txt.",
   .into = into<kGateway, &GatewayConfig::auth_file>},
  {.key = "gateway.account", .type = Text, .fallback = "nobody",
   .description = "The operating system's account the gateway runs as where the guard is root: one that owns nothing.",
   .into = into<kGateway, &GatewayConfig::account>},
  {.key = "gateway.commit_proof", .type = Choice, .fallback = "on",
   .description = "Report an interrupted COMMIT as applied or not, proven.", .choices = "on|off"},

  {.key = "migrate.dir", .type = Path, .fallback_note = "migrations",
   .description = "Directory of migrations."},
  {.key = "migrate.format", .type = Text, .fallback = "auto",
   .description = "Their format; auto tells it from the files."},
  {.key = "migrate.on_start", .type = Flag, .fallback = "true",
   .description = "Apply what is pending when the guard has the database up."},

  {.key = "maintain.daily", .type = TimeOfDay, .fallback = "03:00",
   .description = "When the full maintenance runs."},
  {.key = "maintain.health", .type = Duration, .fallback = "6h",
   .description = "Time between health reports.", .least = 60'000},
  {.key = "maintain.quick", .type = Duration, .fallback = "2h",
   .description = "Time between quick clean-ups.", .least = 60'000},
  {.key = "maintain.timezone", .type = Text, .fallback = "UTC",
   .description = "Time zone of maintain.daily."},
  {.key = "maintain.cleanup[].table", .type = Table, .description = "Table to delete old rows from, as schema.table.",
   .need = Need::Required},
  {.key = "maintain.cleanup[].column", .type = Text, .description = "Its timestamp column.",
   .need = Need::Required},
  {.key = "maintain.cleanup[].older_than", .type = Duration, .description = "Age at which a row goes.",
   .least = 60'000, .need = Need::Required},

  {.key = "limits.storage", .type = Size,
   .description = "Storage the plan allows, compared with the sizes of the databases that can be seen.",
   .into = into<kLimits, &LimitsConfig::storage_bytes>},
  {.key = "limits.connections", .type = Count, .description = "Connections the plan allows.",
   .least = 1, .most = 1'000'000, .into = into<kLimits, &LimitsConfig::connections>},
  {.key = "limits.warn_at", .type = Ratio, .fallback = "0.8",
   .description = "Share of a limit at which to warn.",
   .into = into<kLimits, &LimitsConfig::warn_at>},

  {.key = "http.listen", .type = Listen, .fallback = "127.0.0.1:8432",
   .description = "Where health, metrics and the API are served; port 0 takes a free one, off leaves only the Unix socket.",
   .into = into<&Config::http, &HttpConfig::listen>},
  {.key = "http.token_file", .type = Path,
   .description = "File with the bearer token for everything that changes anything. Not set: nothing of that kind is served over TCP.",
   .into = into<&Config::http, &HttpConfig::token_file>},

  {.key = "alert[].kind", .type = Choice,
   .description = "The channel: Alertmanager's webhook, a Telegram bot, PagerDuty, email, or a dead-man's switch that is pinged while all is well.",
   .choices = "webhook|telegram|pagerduty|email|deadman", .need = Need::Required, .into_row = into_row<kAlerts, &A::kind>},
  {.key = "alert[].name", .type = Text, .fallback_note = "the kind",
   .description = "What [escalate] and `pgkeel alert test` call it; needed for a second one of a kind.",
   .into_row = into_row<kAlerts, &A::name>},
  {.key = "alert[].url", .type = HttpUrl,
   .description = "webhook, deadman: where to send. Shown without its path, which may be a secret.",
   .secrecy = Secrecy::HoldsToken, .into_row = into_row<kAlerts, &A::url>},
  {.key = "alert[].token_file", .type = Path,
   .description = "File with the token on its first line: telegram's bot token, pagerduty's routing key (Events API v2), email's password where `user` is set; of a webhook a bearer token, if it wants one.",
   .into_row = into_row<kAlerts, &A::token_file>},
  {.key = "alert[].chat_id", .type = Label, .description = "telegram: the chat.",
   .into_row = into_row<kAlerts, &A::chat_id>},
  {.key = "alert[].api_url", .type = HttpUrl, .fallback_note = "the service's own",
   .description = "telegram, pagerduty: another server that speaks the same, without the path.", .into_row = into_row<kAlerts, &A::api_url>},
  {.key = "alert[].server", .type = MailServer,
   .description = "email: the mail server. smtp:// means STARTTLS or nothing; only to this host, and without `user`, it is plain.",
   .into_row = into_row<kAlerts, &A::server>},
  {.key = "alert[].from", .type = MailAddress, .description = "email: the sender's address.",
   .into_row = into_row<kAlerts, &A::from>},
  {.key = "alert[].to", .type = MailAddress,
   .fallback_note = "only the addresses [escalate] names",
   .description = "email: who gets it. [escalate] names others as \"email:oncall@example.org\".",
   .into_row = into_row<kAlerts, &A::to>},
  {.key = "alert[].user", .type = Text, .fallback_note = "no login",
   .description = "email: the login at the mail server; its password is in token_file.",
   .into_row = into_row<kAlerts, &A::user>},
  {.key = "alert[].min_severity", .type = Choice, .fallback = "warning",
   .description = "The least severity that is sent.", .choices = "info|warning|critical",
   .into_row = into_row<kAlerts, &A::min_severity>},
  {.key = "alert[].repeat_every", .type = Duration, .fallback = "4h",
   .description = "How often an incident that is not over is said again, 42 times at most; 0s never.",
   .most = 7 * 86'400'000LL, .into_row = into_row<kAlerts, &A::repeat_every>},
  {.key = "alert[].interval", .type = Duration, .fallback = "1m",
   .description = "deadman: time between pings. Set the service's own grace to two or three of them.",
   .least = 10'000, .most = 86'400'000, .into_row = into_row<kAlerts, &A::interval>},

  {.key = "escalate.*", .type = TextList,
   .description = "Which channels hear of an incident when it is this old and not over: \"5m\" = [\"telegram\"]. A channel goes by its name or its kind, \"email:ADDRESS\" is the email channel to that address, \"log\" the guard's log. A channel named in none hears at once. `pgkeel incident ack` ends it.",
   .into_named = into_escalate},

  {.key = "log.format", .type = Choice, .fallback = "text", .description = "Lines for people, or one JSON object a line.",
   .choices = "text|json", .into = into<&Config::log, &LogConfig::format>},
  {.key = "log.level", .type = Choice, .fallback = "info", .description = "The least level that is logged.",
   .choices = "debug|info|warning|error", .into = into<&Config::log, &LogConfig::level>},
});
// clang-format on

bool among(std::string_view choices, std::string_view text) {
  while (true) {
    const auto bar = choices.find('|');
    if (choices.substr(0, bar) == text) return true;
    if (bar == std::string_view::npos) return false;
    choices.remove_prefix(bar + 1);
  }
}

bool in_range(const KeyDefinition& definition, const Values& values) {
  std::int64_t number = 0;
  if (definition.type == Duration) {
    Millis duration{};
    if (!read_value(values, duration)) return false;
    number = duration.count();
    if (number == 0 && !definition.zero_means.empty()) return true;
  } else if (definition.type == Count) {
    const auto& text = values.front();
    std::from_chars(text.data(), text.data() + text.size(), number);
  }
  return number >= definition.least && number <= definition.most;
}

std::string range_text(const KeyDefinition& definition) {
  constexpr auto kOpen = std::numeric_limits<std::int64_t>::max();
  const bool timed = definition.type == Duration;
  const auto say = [timed](std::int64_t number) {
    return timed ? format_duration(Millis(number)) : std::to_string(number);
  };
  if (definition.least > 0 && definition.most < kOpen) {
    const auto off = definition.zero_means.empty()
                         ? std::string()
                         : fmt::format(", or 0s for {}", definition.zero_means);
    return fmt::format(", from {} to {}{}", say(definition.least), say(definition.most), off);
  }
  if (definition.least > 0) return fmt::format(", at least {}", say(definition.least));
  if (definition.most < kOpen) return fmt::format(", at most {}", say(definition.most));
  return {};
}

}  // namespace

std::span<const KeyDefinition> key_definitions() { return kKeys; }

const KeyDefinition* find_key(std::string_view key) {
  const auto* found = std::ranges::find(kKeys, key, &KeyDefinition::key);
  return found == kKeys.end() ? nullptr : found;
}

bool is_section(std::string_view key) {
  return std::ranges::any_of(kKeys, [key](const KeyDefinition& definition) {
    return definition.key.size() > key.size() && definition.key.starts_with(key) &&
           (definition.key[key.size()] == '.' ||
            definition.key.substr(key.size()).starts_with("[]"));
  });
}

std::string environment_name(const KeyDefinition& definition) {
  if (definition.in_list() || definition.free_name()) return {};
  std::string name = "PGKEEL_";
  for (const char c : definition.key) {
    name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

std::vector<std::string> known_names() {
  std::vector<std::string> names;
  const auto add = [&names](std::string name) {
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  };
  for (const auto& definition : kKeys) {
    std::string name(definition.key);
    if (definition.free_name()) name.erase(name.size() - 2);
    for (auto at = name.find("[]"); at != std::string::npos; at = name.find("[]"))
      name.erase(at, 2);
    for (auto dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1))
      add(name.substr(0, dot));
    add(std::move(name));
  }
  return names;
}

std::string accepted(const KeyDefinition& definition) {
  if (definition.type != Choice)
    return std::string(accepted(definition.type)) + range_text(definition);
  std::string text;
  for (const char c : definition.choices) {
    if (c == '|') text += ", ";
    else text += c;
  }
  return text.find(',') == std::string::npos ? text : "one of: " + text;
}

std::string objection(const KeyDefinition& definition, const Values& values, Shape shape) {
  if (!fits(definition.type, shape)) {
    return is_list(definition.type) ? "is not a list" : "has the wrong type";
  }
  for (const auto& value : values) {
    if (value.find('\0') != std::string::npos) return "holds a NUL byte";
    if (!is_valid(definition.type, value)) return "is not understood";
  }
  if (is_list(definition.type)) return {};
  if (values.size() != 1) return "is not one value";
  if (definition.type == Choice && !among(definition.choices, values.front()))
    return "is not one of its choices";
  const bool ranged = definition.type == Duration || definition.type == Count;
  return ranged && !in_range(definition, values) ? "is out of range" : "";
}

std::string shown_value(const KeyDefinition& definition, const Values& values) {
  if (definition.secrecy == Secrecy::HoldsPassword) {
    const auto conninfo =
        values.empty() ? fail(ErrorCode::BadConninfo, {}) : pg::parse_conninfo(values.front());
    return conninfo ? conninfo->redacted() : "***";
  }
  if (definition.secrecy == Secrecy::Secret) return values.empty() ? "" : "***";
  if (definition.secrecy == Secrecy::HoldsToken && !values.empty()) {
    const auto& url = values.front();
    const auto scheme = url.find("://");
    if (scheme == std::string::npos) return "***";
    const auto server = url.substr(scheme + 3, url.find_first_of("/?#", scheme + 3) - scheme - 3);
    return url.substr(0, scheme + 3) + server.substr(server.rfind('@') + 1) + "/***";
  }
  return fmt::format("{}", fmt::join(values, ", "));
}

}  // namespace pgkeel::app
