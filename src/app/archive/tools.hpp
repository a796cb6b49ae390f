// What every command about the archive starts with: the store, the keys and the server, from the
// configuration. And what they share while they run: one job at a time, signals that end it.
#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "app/command.hpp"
#include "app/config.hpp"
#include "app/psql_target.hpp"
#include "archive/codec/encoded.hpp"
#include "archive/restore/restore.hpp"
#include "archive/storage/open.hpp"
#include "runtime/fd.hpp"
#include "runtime/files.hpp"

namespace pgkeel::app {

/// SIGINT and SIGTERM end what runs: a stop token for loops, a descriptor for waits.
class StopOnSignal {
 public:
  StopOnSignal();
  ~StopOnSignal();
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;
  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }
  [[nodiscard]] int wake_fd() const { return wake_.get(); }

 private:
  runtime::Fd wake_;
  std::stop_source source_;
  std::jthread waiter_;
};

struct ArchiveTools {
  Config config;
  archive::StoreAddress address;
  std::unique_ptr<archive::Store> store;
  archive::KeyRing keys;
  std::filesystem::path incoming;  ///< the receiver's spool

  [[nodiscard]] archive::Encoding encoding(int threads) const;
};

/// With its secrets: the credentials file, else AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
[[nodiscard]] Result<archive::StoreAddress> store_address(const StoreConfig& store);
enum class Which { First, Offsite };
/// WrongState when no such store is configured. The off-site copy has no spool.
[[nodiscard]] Result<ArchiveTools> open_archive(const Config& config, Which which = Which::First);
/// What `--offsite` of a command means.
[[nodiscard]] Which which_store(const Invocation& invocation);
[[nodiscard]] OptionSpec offsite_option();
/// How many `--down-to` of an expiry leaves, whatever their age; none: as configured. Usage.
[[nodiscard]] Result<std::optional<int>> down_to(const Invocation& invocation);
[[nodiscard]] OptionSpec down_to_option();

/// Who runs the server and its copies: the owner of the data directory; none unless we are root.
[[nodiscard]] Result<std::optional<runtime::Account>> server_account(const Config& config);

/// What every restore of this configuration has in common; where to, how far and from which backup
/// is the caller's.
[[nodiscard]] Result<archive::RestoreRequest> restore_request(ArchiveTools& tools,
                                                              const StopOnSignal& stop);

/// The role a restored copy is asked as: the configured one, else PostgreSQL's default.
[[nodiscard]] std::string superuser_of(const Config& config);

/// Where copies are restored to be proven or read: archive.drill_dir, else beside the data, where
/// there is room for a second copy if anywhere; never inside it.
[[nodiscard]] std::filesystem::path drill_directory(const Config& config);

/// STATE_DIR/jobs/NAME.lock: a job runs once. StateLocked with the holder.
[[nodiscard]] Result<runtime::FileLock> lock_job(const Config& config, std::string_view name);

/// The running program, for what starts it again.
[[nodiscard]] std::filesystem::path own_program();

/// The command line of `pgkeel WORDS` with the configuration of this process.
[[nodiscard]] std::vector<std::string> own_command(const Config& config,
                                                   std::vector<std::string> words);

}  // namespace pgkeel::app
