// Makes the application's role and database (application.hpp) over a session of the guard: looks,
// writes the intent to the ledger, makes, writes the outcome. Between any two of these lines the
// process may die (fault points "application/STEP/PLACE"); the next run finds what is there.
// It refuses: a standby, a cluster other than the ledger's, to change what exists, to repeat what
// was once done.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "client/connection.hpp"
#include "recover/application.hpp"
#include "recover/playbook.hpp"

namespace pgkeel::recover {

class ApplicationSetup {
 public:
  /// `password` is asked only when the role has to be made.
  using ReadPassword = std::function<Result<std::string>()>;

  ApplicationSetup(Services& services, ApplicationWish wish, ReadPassword password)
      : services_(services), wish_(std::move(wish)), read_password_(std::move(password)) {}

  /// Reads what is there; changes nothing. WrongState for a standby, WrongIdentity for a stranger.
  runtime::Task<Result<void>> look();
  /// Looks, and makes what is missing unless that was done once already.
  runtime::Task<Result<void>> make();

  /// Of this cluster and these names; nothing was done when it is empty.
  [[nodiscard]] const ApplicationRecord& record() const { return record_; }
  [[nodiscard]] bool done() const { return record_.done_at.has_value(); }
  /// As of the last look; empty before the first.
  [[nodiscard]] const std::vector<ApplicationItem>& items() const { return items_; }

 private:
  Result<std::string> cluster() const;
  Result<void> load_record();
  Result<void> remember();
  runtime::Task<Result<client::Connection>> connect();
  runtime::Task<Result<void>> look_with(client::Connection* session);
  runtime::Task<Result<void>> make_role(client::Connection* session);
  runtime::Task<Result<void>> make_database(client::Connection* session);

  Services& services_;
  ApplicationWish wish_;
  ReadPassword read_password_;
  ApplicationRecord record_;
  ApplicationFacts facts_;
  std::vector<ApplicationItem> items_;
};

}  // namespace pgkeel::recover
