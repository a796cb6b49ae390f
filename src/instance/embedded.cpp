// See embedded.hpp. Order: initdb in a sibling directory, configuration, fsync, rename into place.
#include "instance/embedded.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <locale.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <random>

#include "base/fault_point.hpp"
#include "base/log.hpp"
#include "instance/binaries.hpp"
#include "instance/data_dir.hpp"
#include "pg/config_text.hpp"

namespace pgkeel::instance {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSocketDirBytesMax = 90;  // 107 for the path, less "/.s.PGSQL.65535"
constexpr std::size_t kConfigBytesMax = 1U << 20U;

// Codepoint order and no collation version that a libc upgrade could change (D9).
std::string locale_name() {
  const locale_t found = ::newlocale(LC_ALL_MASK, "C.UTF-8", nullptr);
  if (found == nullptr) return "C";
  ::freelocale(found);
  return "C.UTF-8";
}

bool is_free(std::uint16_t port) {
  const runtime::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return fd.valid() &&
         ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

// Below the kernel's ephemeral range, or an outgoing connection of somebody would take the port
// while the server is down; at random, so that two clusters made at once do not meet.
Result<std::uint16_t> free_port() {
  constexpr unsigned kPortMin = 20'000;
  constexpr unsigned kPortMax = 32'000;
  constexpr int kTriesMax = 200;
  std::random_device random;
  std::uniform_int_distribution<unsigned> ports(kPortMin, kPortMax);
  for (int tries = 0; tries < kTriesMax; ++tries)
    if (const auto port = static_cast<std::uint16_t>(ports(random)); is_free(port)) return port;
  return fail(ErrorCode::PortTaken, "no free port found on 127.0.0.1");
}

Result<runtime::Account> account_of(const ClusterPlan& plan) {
  if (!runtime::running_as_root()) return runtime::account_by_uid(::geteuid());
  const std::string name = plan.run_as.empty() ? "postgres" : plan.run_as;
  auto account = runtime::account_by_name(name);
  if (account && account->uid != 0) return account;
  return fail(Error(ErrorCode::Permission, "PostgreSQL refuses to run as root, and account " +
                                               name + (account ? " is root" : " does not exist"))
                  .with_hint("Run pgkeel as an ordinary user, or create that account."));
}

// The only places where initdb may run: nothing there, or a directory with nothing in it.
Result<void> check_place(const fs::path& data_dir) {
  const DataDirFacts facts = inspect_data_dir(data_dir);
  if (facts.state != DataDirState::Missing && facts.state != DataDirState::Empty)
    return fail(Error(ErrorCode::WrongState,
                      "data directory " + data_dir.string() + " already exists and is not empty")
                    .with_hint("pgkeel never initialises over existing files; choose another "
                               "directory or move this one away."));
  if (facts.filesystem && facts.state == DataDirState::Empty &&
      fs::path(facts.filesystem->mount_point) == data_dir)
    return fail(
        Error(ErrorCode::WrongState, "data directory " + data_dir.string() + " is a mount point")
            .with_hint("Use a directory below it, so that a missing mount is noticed."));
  return {};
}

// Asked of the kernel as the server's account: the first directory on the way that keeps it out.
std::optional<fs::path> closed_directory(const fs::path& parent, const runtime::Account& account) {
  const runtime::ActingAs acting(account);
  fs::path way;
  for (const auto& part : parent) {
    way /= part;
    if (::faccessat(AT_FDCWD, way.c_str(), X_OK, AT_EACCESS) != 0 && errno == EACCES) return way;
  }
  return std::nullopt;
}

Result<void> check_way(const fs::path& data_dir, const runtime::Account& account) {
  const auto closed = closed_directory(data_dir.parent_path(), account);
  if (!closed) return {};
  return fail(
      Error(ErrorCode::Permission, fmt::format("account {} cannot reach {}: {} is closed to it",
                                               account.name, data_dir.string(), closed->string()))
          .with_hint("Start in a directory that account may enter, or set "
                     "instance.data_dir to one, such as /var/lib/postgresql/pgkeel."));
}

Result<ClusterPlan> complete(ClusterPlan plan) {
  plan.data_dir = fs::absolute(plan.data_dir).lexically_normal();
  if (!plan.data_dir.has_filename()) plan.data_dir = plan.data_dir.parent_path();
  if (plan.socket_dir.empty()) plan.socket_dir = plan.data_dir.string() + ".sock";
  plan.socket_dir = fs::absolute(plan.socket_dir).lexically_normal();
  if (plan.socket_dir.native().size() > kSocketDirBytesMax)
    return fail(ErrorCode::ConfigBadValue,
                fmt::format("socket directory {} is longer than {} characters",
                            plan.socket_dir.string(), kSocketDirBytesMax));
  if (plan.bin_dir.empty()) {
    TRY(found, find_newest_bin_dir());
    plan.bin_dir = found;
  }
  if (plan.port == 0) {
    TRY(port, free_port());
    plan.port = port;
  }
  return plan;
}

Result<void> make_private_dir(const fs::path& path, const runtime::Account& owner) {
  runtime::FileMode mode{0700, std::nullopt};
  if (runtime::running_as_root()) mode.owner = owner;
  TRY_VOID(runtime::ensure_directory(path, mode));
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return fail_errno(errno, "look at " + path.string());
  if (!S_ISDIR(status.st_mode) || status.st_uid != owner.uid || (status.st_mode & 077U) != 0)
    return fail(ErrorCode::Refused, path.string() + " is not a directory of " + owner.name +
                                        " with mode 0700, so it cannot be trusted");
  return {};
}

runtime::Task<Result<void>> run_initdb(runtime::Loop* loop, ClusterPlan plan, fs::path into,
                                       runtime::Account account, SteadyTime deadline) {
  CO_TRY(program, program_in(plan.bin_dir, "initdb"));
  runtime::ProcessSpec spec;
  spec.argv = {program.string(),     "-D",
               into.string(),        "--username=" + plan.superuser,
               "--encoding=UTF8",    "--locale=" + locale_name(),
               "--auth-local=trust", "--auth-host=scram-sha-256",
               "--data-checksums"};
  spec.environment_removed = server_environment(ambient_environment(), std::nullopt).remove;
  spec.environment = {{"LC_MESSAGES", "C"}};
  spec.working_dir = "/";
  if (runtime::running_as_root()) spec.run_as = account;
  CO_TRY(output, co_await runtime::run_process(*loop, std::move(spec), deadline));
  if (output.exit.ok()) co_return Result<void>();
  ::rmdir(into.c_str());  // initdb has emptied it; if not, it stays
  while (output.err.ends_with('\n')) output.err.pop_back();
  co_return fail(ErrorCode::ChildFailed,
                 "initdb ended with " + output.exit.describe() + ": " + output.err);
}

Result<void> write_config(const ClusterPlan& plan, const fs::path& dir,
                          const runtime::Account& account) {
  runtime::FileMode mode{0600, std::nullopt};
  if (runtime::running_as_root()) mode.owner = account;
  TRY(conf, runtime::read_file(dir / "postgresql.conf", kConfigBytesMax));
  TRY_VOID(
      runtime::write_file_atomic(dir / "postgresql.conf", conf + embedded_settings(plan), mode));
  return runtime::write_file_atomic(dir / "pg_hba.conf", embedded_hba(), mode);
}

// An empty directory in the way is removed with rmdir, which removes nothing else.
Result<void> move_into_place(const fs::path& made, const fs::path& data_dir) {
  if (::rmdir(data_dir.c_str()) != 0 && errno != ENOENT)
    return fail_errno(errno, "replace the empty directory " + data_dir.string());
  return runtime::rename_durable(made, data_dir);
}

}  // namespace

std::string embedded_settings(const ClusterPlan& plan) {
  std::string text = "\n# Written by pgkeel when it made this cluster; yours to change.\n";
  const auto add = [&text](std::string_view name, std::string_view value) {
    text += fmt::format("{} = {}\n", name, pg::quote_config_value(value));
  };
  add("listen_addresses", "127.0.0.1");
  add("port", std::to_string(plan.port));
  add("unix_socket_directories", plan.socket_dir.string());
  add("unix_socket_permissions", "0700");
  add("password_encryption", "scram-sha-256");
  add("cluster_name", "pgkeel");
  add("max_connections", "100");
  // A client that is gone without a word is noticed within two minutes, and one that forgot its
  // transaction within a quarter of an hour: both hold locks and keep vacuum from cleaning.
  add("tcp_keepalives_idle", "60");
  add("tcp_keepalives_interval", "10");
  add("tcp_keepalives_count", "6");
  add("idle_in_transaction_session_timeout", "15min");
  add("log_line_prefix", "%m [%p] %q%u@%d ");
  for (const auto& [name, value] : plan.settings) add(name, value);
  return text;
}

std::string embedded_hba() {
  return "# Written by pgkeel. The socket's directory is private (0700), so whoever reaches it is\n"
         "# the owner already; everything else needs a password.\n"
         "# TYPE  DATABASE     USER  ADDRESS       METHOD\n"
         "local   all          all                 trust\n"
         "local   replication  all                 trust\n"
         "host    all          all   127.0.0.1/32  scram-sha-256\n"
         "host    all          all   ::1/128       scram-sha-256\n"
         "host    replication  all   127.0.0.1/32  scram-sha-256\n";
}

Result<void> Embedded::check_plan(const ClusterPlan& wanted) {
  TRY(plan, complete(wanted));
  TRY_VOID(check_place(plan.data_dir));
  TRY(account, account_of(plan));
  return check_way(plan.data_dir, account);
}

runtime::Task<Result<CreatedCluster>> Embedded::create_cluster(runtime::Loop& loop,
                                                               ClusterPlan wanted,
                                                               LedgerSays ledger,
                                                               SteadyTime deadline) {
  if (ledger == LedgerSays::ClusterKnown)
    co_return fail(ErrorCode::Refused, "a cluster is known for " + wanted.data_dir.string() +
                                           "; a new one is never made in its place");
  CO_TRY_VOID(check_plan(wanted));
  CO_TRY(plan, complete(std::move(wanted)));
  CO_TRY(account, account_of(plan));

  const fs::path made = fmt::format("{}.pgkeel-new-{}-{}", plan.data_dir.string(), ::getpid(),
                                    wall_now().time_since_epoch().count());
  CO_TRY_VOID(make_private_dir(made, account));
  CO_TRY_VOID(co_await run_initdb(&loop, plan, made, account, deadline));
  CO_TRY_VOID(write_config(plan, made, account));
  CO_TRY_VOID(make_private_dir(plan.socket_dir, account));
  CO_TRY(control, read_control_file(made));
  fault_point("instance.create.before_rename");
  CO_TRY_VOID(check_place(plan.data_dir));
  CO_TRY_VOID(move_into_place(made, plan.data_dir));
  log_info("cluster created", {{"data_dir", plan.data_dir.string()},
                               {"port", plan.port},
                               {"system_identifier", to_string(control.system_id)}});
  co_return CreatedCluster{plan.data_dir, plan.socket_dir, plan.port, control.system_id};
}

Result<Layout> embedded_layout(const InstanceConfig& config) {
  if (config.data_dir.empty())
    return fail(ErrorCode::ConfigBadValue, "instance.data_dir is not set");
  Layout layout;
  layout.kind = Kind::Embedded;
  layout.command.data_dir = fs::absolute(config.data_dir).lexically_normal();
  layout.command.bin_dir = config.bin_dir;
  layout.command.config_file = config.config_file;
  layout.command.settings = server_settings(config);
  layout.log_file = config.log_file.empty() ? fs::path(layout.command.data_dir.string() + ".log")
                                            : fs::absolute(config.log_file);
  layout.port = config.port;
  layout.socket_dir = config.socket_dir;
  return layout;
}

}  // namespace pgkeel::instance
