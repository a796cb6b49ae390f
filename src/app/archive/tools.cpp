// See tools.hpp.
#include "app/archive/tools.hpp"

#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdlib>

#include <fmt/format.h>

#include "app/archive/copy_programs.hpp"
#include "archive/receive/receive.hpp"

namespace pgkeel::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCredentialsBytesMax = 4096;
constexpr const char* kJobs = "jobs";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

Result<void> read_credentials(const fs::path& file, archive::StoreAddress& address) {
  TRY(text, runtime::read_file(file, kCredentialsBytesMax));
  const auto line_end = text.find('\n');
  address.access_key = text.substr(0, line_end);
  if (line_end != std::string::npos) address.secret_key = text.substr(line_end + 1);
  while (address.secret_key.ends_with('\n')) address.secret_key.pop_back();
  if (address.access_key.empty() || address.secret_key.empty())
    return fail(Error(ErrorCode::ConfigBadValue, file.string() + " holds no two keys")
                    .with_hint("Write the access key on the first line, the secret key on the "
                               "second."));
  return {};
}

sigset_t stopping_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGUSR2);  // ours: the waiter is no longer needed
  return signals;
}

std::optional<runtime::Account> owner_of(const fs::path& path) {
  struct stat status{};
  if (path.empty() || ::stat(path.c_str(), &status) != 0) return std::nullopt;
  const auto account = runtime::account_by_uid(status.st_uid);
  return account ? std::optional(*account) : std::nullopt;
}

}  // namespace

archive::Encoding ArchiveTools::encoding(int threads) const {
  archive::Encoding encoding;
  encoding.level = config.archive.compress_level;
  encoding.threads = threads;
  if (const auto* key = keys.sealing()) encoding.key = *key;
  return encoding;
}

Result<archive::StoreAddress> store_address(const StoreConfig& store) {
  archive::StoreAddress address;
  address.where = store.where;
  address.endpoint = store.endpoint;
  address.region = store.region;
  if (address.is_directory()) return address;
  if (!store.credentials_file.empty()) {
    TRY_VOID(read_credentials(store.credentials_file, address));
    return address;
  }
  address.access_key = environment("AWS_ACCESS_KEY_ID");
  address.secret_key = environment("AWS_SECRET_ACCESS_KEY");
  if (address.access_key.empty() || address.secret_key.empty())
    return fail(Error(ErrorCode::ConfigBadValue, "no keys for " + store.where)
                    .with_hint("Set archive.credentials_file, or AWS_ACCESS_KEY_ID and "
                               "AWS_SECRET_ACCESS_KEY in the environment."));
  return address;
}

Result<ArchiveTools> open_archive(const Config& config, Which which) {
  const bool offsite = which == Which::Offsite;
  const auto& configured = offsite ? config.archive.offsite : config.archive.store;
  if (configured.where.empty())
    return fail(Error(ErrorCode::WrongState,
                      offsite ? "no off-site copy is configured" : "no archive is configured")
                    .with_hint(fmt::format("Set {} to a directory on another disk, or to "
                                           "s3://bucket/prefix.",
                                           offsite ? "archive.offsite.store" : "archive.store")));
  ArchiveTools tools;
  tools.config = config;
  TRY(address, store_address(configured));
  tools.address = address;
  TRY(store, archive::open_store(address));
  tools.store = std::move(store);
  if (!config.archive.encryption_key_file.empty()) {
    TRY(keys, archive::read_key_file(config.archive.encryption_key_file));
    tools.keys = std::move(keys);
  }
  if (!offsite) tools.incoming = archive::spool_directory(address, config.state_dir);
  return tools;
}

Which which_store(const Invocation& invocation) {
  return invocation.has("--offsite") ? Which::Offsite : Which::First;
}

OptionSpec offsite_option() {
  return {.names = "--offsite", .help = "the off-site copy instead of the archive itself"};
}

Result<std::optional<int>> down_to(const Invocation& invocation) {
  const auto text = invocation.value("--down-to");
  if (!text) return std::nullopt;
  const auto* const end = text->data() + text->size();
  int count = 0;
  if (std::from_chars(text->data(), end, count).ptr != end || count < 1)
    return fail(ErrorCode::Usage, "--down-to takes a number, at least 1");
  return count;
}

OptionSpec down_to_option() {
  return {.names = "--down-to",
          .value = "N",
          .help = "keep the N newest good ones, whatever their age"};
}

Result<std::optional<runtime::Account>> server_account(const Config& config) {
  if (!runtime::running_as_root()) return std::nullopt;
  auto owner = owner_of(config.instance.data_dir);
  if (owner && owner->uid != 0) return owner;
  TRY(postgres, runtime::account_by_name("postgres"));
  return postgres;
}

Result<archive::RestoreRequest> restore_request(ArchiveTools& tools, const StopOnSignal& stop) {
  archive::RestoreRequest request;
  request.store = tools.store.get();
  request.keys = &tools.keys;
  request.incoming = tools.incoming;
  TRY_VOID(choose_programs(tools.config, request));
  request.superuser = superuser_of(tools.config);
  request.wal_fetch = own_program();
  request.stop = stop.token();
  return request;
}

std::string superuser_of(const Config& config) {
  if (!config.instance.url.empty())
    if (const auto conninfo = pg::parse_conninfo(config.instance.url);
        conninfo && !conninfo->user.empty())
      return conninfo->user;
  return "postgres";
}

fs::path drill_directory(const Config& config) {
  if (!config.archive.drill_dir.empty()) return config.archive.drill_dir;
  auto beside = config.instance.data_dir.empty() ? config.state_dir : config.instance.data_dir;
  beside += ".pgkeel-drill";
  return beside;
}

Result<runtime::FileLock> lock_job(const Config& config, std::string_view name) {
  TRY_VOID(runtime::ensure_directory(config.state_dir, {.mode = 0700, .owner = {}}));
  TRY_VOID(runtime::ensure_directory(config.state_dir / kJobs, {.mode = 0700, .owner = {}}));
  auto lock = runtime::FileLock::acquire(config.state_dir / kJobs / fmt::format("{}.lock", name),
                                         fmt::format("pgkeel {} (pid {})", name, ::getpid()));
  if (!lock && lock.error().code == ErrorCode::StateLocked)
    return fail(std::move(lock).error().with_hint("Wait until it has ended."));
  return lock;
}

StopOnSignal::StopOnSignal() : wake_(::eventfd(0, EFD_CLOEXEC)) {
  const sigset_t signals = stopping_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  waiter_ = std::jthread([this, signals] {
    int number = 0;
    if (sigwait(&signals, &number) != 0 || number == SIGUSR2) return;
    source_.request_stop();
    ::eventfd_write(wake_.get(), 1);
  });
}

StopOnSignal::~StopOnSignal() { pthread_kill(waiter_.native_handle(), SIGUSR2); }

fs::path own_program() {
  constexpr std::string_view kReplaced = " (deleted)";  // by an upgrade, which is there now
  std::error_code error;
  auto path = fs::read_symlink("/proc/self/exe", error).string();
  if (path.ends_with(kReplaced)) path.resize(path.size() - kReplaced.size());
  return error ? fs::path("pgkeel") : fs::path(path);
}

std::vector<std::string> own_command(const Config& config, std::vector<std::string> words) {
  words.insert(words.begin(), own_program().string());
  words.insert(words.end(), config.flags.begin(), config.flags.end());
  return words;
}

}  // namespace pgkeel::app
