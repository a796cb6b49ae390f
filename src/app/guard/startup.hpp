// What has to be true before the guard's loop begins: an instance of the configured kind, its first
// cluster when it is embedded and none is known, a server that runs, and a login that works.
// It changes nothing of a server it does not own, and refuses (with one clear error) rather than
// guess. Once an identity is known, trouble is the loop's business, not a reason not to start.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "app/config.hpp"
#include "diagnose/known.hpp"
#include "incident/ledger.hpp"
#include "instance/config.hpp"
#include "instance/instance.hpp"
#include "pg/conninfo.hpp"
#include "recover/playbook.hpp"
#include "runtime/loop.hpp"
#include "sense/options.hpp"

namespace pgkeel::app {

[[nodiscard]] instance::InstanceConfig instance_config(const Config& config);
/// How pgkeel logs in: the configured URL, else over the server's socket as its owner, on its port
/// or, while it does not run, on `last_port`.
[[nodiscard]] Result<pg::Conninfo> login_path(const Config& config,
                                              const instance::Instance& instance,
                                              std::string last_port);
/// The same, and the ledger remembers the port.
[[nodiscard]] Result<pg::Conninfo> guard_conninfo(const Config& config,
                                                  const instance::Instance& instance,
                                                  incident::Ledger& ledger);
/// Empty when none is remembered.
[[nodiscard]] Result<std::string> last_port(const incident::Ledger& ledger);
/// As root: the account that owns the data directory, to connect and run client programs as.
[[nodiscard]] std::optional<runtime::Account> server_account(const instance::Instance& instance);
[[nodiscard]] sense::Options sense_options(const Config& config, pg::Conninfo conninfo);
[[nodiscard]] recover::Policy policy_of(const Config& config);
[[nodiscard]] diagnose::Known known_of(const Config& config);
/// Of a guard, which looks again and again and need not name what is over in a moment.
[[nodiscard]] diagnose::Known watchful_known_of(const Config& config);
[[nodiscard]] std::vector<recover::Invariant> invariants_of(const Config& config);
[[nodiscard]] std::vector<recover::Hook> hooks_of(const Config& config);

/// Embedded and remote: the directories in which state and data directory will be made. Others
/// exist already.
Result<void> ensure_homes(const Config& config);

/// The directory with pg_dump, pg_restore and psql, new enough for the server; empty when none is.
[[nodiscard]] std::filesystem::path find_client_programs(const Config& config, int server_major);

/// A first start that cannot succeed is refused before anything is written, the state directory
/// included.
runtime::Task<Result<void>> check_first_start(runtime::Loop* loop, const Config* config,
                                              instance::Instance* instance);

/// Where the server's data is; where it was, when a known server's container cannot be asked now
/// (not without a ledger).
runtime::Task<Result<void>> find_server(instance::Instance* instance,
                                        const incident::Ledger* ledger);

/// Embedded and nothing known: makes the cluster. Anything else: checks that it can be guarded.
runtime::Task<Result<void>> ensure_cluster(runtime::Loop* loop, const Config* config,
                                           instance::Instance* instance,
                                           const incident::Ledger* ledger);
/// Embedded and stopped in order: starts it. A server that crashed is left to the loop, which
/// journals what it does.
runtime::Task<Result<void>> ensure_started(runtime::Loop* loop, const Config* config,
                                           instance::Instance* instance, incident::Ledger* ledger);
/// On the very first run: a login that the server refuses is a configuration error.
runtime::Task<Result<void>> ensure_login(runtime::Loop* loop, pg::Conninfo conninfo,
                                         const instance::Instance* instance,
                                         const incident::Ledger* ledger);

}  // namespace pgkeel::app
