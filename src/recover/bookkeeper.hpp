// Keeps the ledger true while all is well: identity, databases, tables, definitions, and the
// configuration the server runs with. It records only what was read from a server whose system
// identifier is the ledger's; what is missing stays known until an operator says it was meant.
#pragma once

#include <map>
#include <set>

#include "diagnose/known.hpp"
#include "recover/playbook.hpp"
#include "recover/row_losses.hpp"

namespace pgkeel::recover {

/// What the ledger knows, into `known`; the rest of it is left as it is.
Result<void> load_known(const incident::Ledger& ledger, diagnose::Known& known);

class Bookkeeper {
 public:
  Bookkeeper(Services& services, diagnose::Known& known) : services_(services), known_(known) {}

  /// Reads the ledger into `known`; call once before the first diagnosis and after a forget.
  Result<void> load();
  /// Brings the ledger up to date with the observation. Cheap when nothing is new. `open_subjects`
  /// are those of unfinished incidents: definitions of their databases are kept as they are.
  void update(const std::vector<std::string>& open_subjects);
  /// As the control file says it, else the server itself; nothing when neither does.
  [[nodiscard]] std::optional<incident::Identity> seen_identity() const;

 private:
  [[nodiscard]] bool elsewhere() const;  ///< neither files nor process can be seen
  [[nodiscard]] bool is_ours() const;
  [[nodiscard]] std::string trusted_libc() const;
  [[nodiscard]] bool surroundings_are_new() const;
  void update_identity();
  void remember(std::string_view fact, std::string value, std::string& known);
  void update_surroundings();
  void update_databases();
  void update_row_losses();
  void update_relations();
  void update_configuration();
  void update_definitions(const std::vector<std::string>& open_subjects);
  runtime::Task<bool> unchanged_after(std::string database, int ddl_changes, SteadyTime moment);
  runtime::Task<void> refresh_definitions(std::string database, int ddl_changes);

  Services& services_;
  diagnose::Known& known_;
  RowLossBook row_losses_;
  bool row_losses_unwritten_ = false;
  SteadyTime identity_written_;
  std::map<std::string, int> listings_recorded_;  ///< database to RelationListing::changes
  std::map<std::string, int> definitions_of_;     ///< database to ddl_changes of the kept dump
  std::set<std::string> dumping_;
  std::map<std::string, SteadyTime> dump_not_before_;
  pid_t configuration_of_ = 0;  ///< postmaster whose configuration is recorded
};

}  // namespace pgkeel::recover
