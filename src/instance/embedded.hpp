// A private cluster that pgkeel makes and runs itself: `pgkeel demo`, and everyone who configured
// nothing. Only this, and the scratch cluster of a dump's drill, runs initdb.
// It guarantees: initdb never meets a directory that may hold data, nor a place where the ledger
// knows a cluster; a half-made cluster never stands under the final name.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "instance/config.hpp"
#include "instance/local_instance.hpp"

namespace pgkeel::instance {

/// What the identity ledger says, read by the caller just before. There is no default: whoever
/// creates a cluster has to have asked.
enum class LedgerSays { NoClusterKnown, ClusterKnown };

struct ClusterPlan {
  std::filesystem::path data_dir;  ///< must not exist, or be empty and no mount point
  std::filesystem::path bin_dir;   ///< empty: the newest installed major
  /// Private (0700, the server's owner's): over it alone a login needs no password.
  std::filesystem::path socket_dir;  ///< empty: "<data_dir>.sock" ; at most 100 characters
  std::uint16_t port = 0;            ///< 0: a free one, written into the configuration
  std::string superuser = "postgres";
  std::string run_as;  ///< account when we are root; empty: "postgres"
  std::vector<std::pair<std::string, std::string>> settings;  ///< more lines of postgresql.conf
};

struct CreatedCluster {
  std::filesystem::path data_dir;
  std::filesystem::path socket_dir;
  std::uint16_t port = 0;
  SystemId system_id;
};

class Embedded {
 public:
  /// What create_cluster refuses without having tried: the place, the account, the way to the
  /// place, missing programs. Changes nothing.
  static Result<void> check_plan(const ClusterPlan& wanted);
  /// Makes the cluster and leaves it stopped. Refused when `ledger` knows one; WrongState when the
  /// directory exists and is not empty; MissingBinary, ChildFailed with initdb's words, TimedOut.
  static runtime::Task<Result<CreatedCluster>> create_cluster(runtime::Loop& loop, ClusterPlan plan,
                                                              LedgerSays ledger,
                                                              SteadyTime deadline);
};

[[nodiscard]] Result<Layout> embedded_layout(const InstanceConfig& config);

/// What is added to initdb's postgresql.conf, and the whole of pg_hba.conf.
[[nodiscard]] std::string embedded_settings(const ClusterPlan& plan);
[[nodiscard]] std::string embedded_hba();

}  // namespace pgkeel::instance
