// See faults.hpp. Where a fault is a state in which the server dies, the state is prepared first
// and the server killed last, so that the guard never meets half of it.
#include "app/demo/faults.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <array>

#include "runtime/fd.hpp"
#include "runtime/files.hpp"

namespace pgkeel::app {
namespace {

namespace fs = std::filesystem;
using Injected = Result<std::unique_ptr<FaultInProgress>>;

constexpr std::size_t kFileBytesMax = 1U << 20U;
constexpr int kBindTries = 2000;
constexpr Seconds kDeathMost{10};

Result<runtime::ProcessHandle> postmaster_of(Stage& stage) {
  const auto postmaster = stage.instance().find_postmaster();
  if (!postmaster) return fail(ErrorCode::ServerNotRunning, "the server does not run");
  return runtime::ProcessHandle::open(postmaster->pid);
}

// A process that has been told to die takes a while to, the longer the more memory it maps.
Injected kill_server(Stage& stage) {
  TRY(postmaster, postmaster_of(stage));
  stage.note_broken();
  TRY_VOID(postmaster.signal(SIGKILL));
  auto& loop = stage.loop();
  TRY_VOID(loop.run_until_complete(postmaster.wait_exit(loop, loop.after(kDeathMost))));
  stage.note_damage_done();
  return nullptr;
}

Injected stop_server(Stage& stage) {
  TRY(postmaster, postmaster_of(stage));
  stage.note_broken();
  TRY_VOID(postmaster.signal(SIGSTOP));
  return nullptr;
}

// A process of the server's own account that is not a server, whose pid the lock file will name.
struct Bystander final : FaultInProgress {
  explicit Bystander(runtime::ProcessHandle h) : handle(std::move(h)) {}
  ~Bystander() override { static_cast<void>(handle.signal(SIGKILL)); }
  runtime::ProcessHandle handle;
};

Injected reuse_pid(Stage& stage) {
  const auto owner = stage.instance().inspect_data_dir().owner;
  runtime::ProcessSpec spec;
  spec.argv = {"sleep", "600"};
  spec.working_dir = "/";
  if (runtime::running_as_root()) spec.run_as = owner;
  TRY(handle, runtime::start_process(spec));
  auto bystander = std::make_unique<Bystander>(std::move(handle));
  const auto lock = stage.instance().data_dir() / "postmaster.pid";
  TRY(text, runtime::read_file(lock, kFileBytesMax));
  const auto rest = text.substr(text.find('\n'));
  TRY(postmaster, postmaster_of(stage));
  runtime::FileMode mode{0600, spec.run_as};
  TRY_VOID(runtime::write_file_atomic(lock, std::to_string(bystander->handle.pid()) + rest, mode));
  stage.note_broken();
  TRY_VOID(postmaster.signal(SIGKILL));
  return bystander;
}

Injected break_config(Stage& stage) {
  const auto file = stage.instance().data_dir() / "postgresql.conf";
  TRY(text, runtime::read_file(file, kFileBytesMax));
  runtime::FileMode mode{0600, std::nullopt};
  if (runtime::running_as_root()) mode.owner = stage.instance().inspect_data_dir().owner;
  TRY_VOID(runtime::write_file_atomic(file, text + "\nshared_bufers = 2GB  # a typo\n", mode));
  return kill_server(stage);
}

struct PortHolder final : FaultInProgress {
  runtime::Fd fd;
};

Injected take_port(Stage& stage) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(stage.instance().port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto holder = std::make_unique<PortHolder>();
  holder->fd = runtime::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  ::setsockopt(holder->fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  TRY(postmaster, postmaster_of(stage));
  stage.note_broken();
  TRY_VOID(postmaster.signal(SIGKILL));
  for (int i = 0; i < kBindTries; ++i) {
    if (::bind(holder->fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
        0) {
      ::usleep(100);  // the dying server still has it
      continue;
    }
    if (::listen(holder->fd.get(), 1) != 0) return fail_errno(errno, "listen on the server's port");
    return holder;
  }
  return fail_errno(errno, "bind the server's port");
}

Injected lose_control_file(Stage& stage) {
  TRY(postmaster, postmaster_of(stage));
  std::error_code error;
  fs::remove(stage.instance().data_dir() / "global" / "pg_control", error);
  if (error) return fail(ErrorCode::Io, "remove pg_control: " + error.message());
  stage.note_broken();
  TRY_VOID(postmaster.signal(SIGKILL));
  return nullptr;
}

Injected lose_volume(Stage& stage) {
  const auto data_dir = stage.instance().data_dir();
  TRY(postmaster, postmaster_of(stage));
  TRY_VOID(runtime::rename_durable(data_dir, data_dir.string() + ".orphan"));
  stage.note_broken();
  TRY_VOID(postmaster.signal(SIGKILL));
  return nullptr;
}

// Only an archive brings it back.
Injected remove_data(Stage& stage) {
  TRY(postmaster, postmaster_of(stage));
  stage.note_broken();
  std::error_code error;
  fs::remove_all(stage.instance().data_dir(), error);  // the server still makes files meanwhile
  TRY_VOID(postmaster.signal(SIGKILL));  // from here on the place is the guard's to fill
  return nullptr;
}

Injected put_stranger(Stage& stage) {
  TRY(stranger, stage.make_stranger());
  const auto data_dir = stage.instance().data_dir();
  TRY(postmaster, postmaster_of(stage));
  TRY_VOID(runtime::rename_durable(data_dir, data_dir.string() + ".moved"));
  TRY_VOID(runtime::rename_durable(stranger, data_dir));
  stage.note_broken();
  TRY_VOID(postmaster.signal(SIGKILL));
  return nullptr;
}

Injected by_statement(Stage& stage, std::string_view database, std::string statement) {
  stage.note_broken();
  TRY_VOID(stage.sql(database, std::move(statement)));
  stage.note_damage_done();
  return nullptr;
}

// Whose app goes on asking for it.
Injected drop_table(Stage& stage) {
  auto dropped = by_statement(stage, "shop", "drop table orders");
  static_cast<void>(stage.sql("shop", "select count(*) from orders"));
  return dropped;
}

Injected truncate_table(Stage& stage) { return by_statement(stage, "shop", "truncate baskets"); }

Injected delete_rows(Stage& stage) { return by_statement(stage, "shop", "delete from visits"); }

Injected drop_database(Stage& stage) {
  return by_statement(stage, "postgres", "drop database crm with (force)");
}

const auto kFaults = std::to_array<Fault>({
    {"server_killed", "kill -9 of the server's main process", kill_server},
    {"server_hung", "the main process is stopped and answers nobody", stop_server},
    {"stale_pid", "it is killed and its pid belongs to another program by now", reuse_pid},
    {"config_broken", "a typo in postgresql.conf, then a crash", break_config},
    {"port_taken", "it is killed and another program takes its port", take_port},
    {"control_file_lost", "pg_control is removed, then a crash", lose_control_file},
    {"volume_lost", "the data directory is moved away, then a crash", lose_volume},
    {"volume_lost", "rm -rf of the data directory, then a crash", remove_data},
    {"wrong_identity", "another cluster stands in the data directory's place", put_stranger},
    {"table_dropped", "DROP TABLE orders", drop_table, "shop", "orders", kDemoOrders},
    {"table_truncated",
     "TRUNCATE baskets",
     truncate_table,
     "shop",
     "baskets",
     kDemoVisits,
     {"undrop", "shop.public.baskets", "--merge"}},
    {"mass_delete",
     "DELETE FROM visits, without a WHERE",
     delete_rows,
     "shop",
     "visits",
     kDemoVisits,
     {"undrop", "shop.public.visits", "--merge"}},
    {"database_dropped", "DROP DATABASE crm", drop_database, "crm", "contacts", kDemoContacts},
});

}  // namespace

std::span<const Fault> demo_faults() { return kFaults; }

}  // namespace pgkeel::app
