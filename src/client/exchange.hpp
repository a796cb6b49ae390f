// One exchange with the server: send, wait, collect everything that comes back, judge it. All
// statements of the room go through here, so that deadlines, cancels and outcomes are decided in
// one place. Private to the room.
#pragma once

#include <optional>
#include <string>

#include "client/error.hpp"
#include "client/limit.hpp"
#include "client/rows.hpp"
#include "client/session.hpp"

namespace pgkeel::client {

/// What to do when the time is over while the server still works.
enum class AtDeadline {
  Cancel,   ///< ask the server to stop, wait kCancelGrace for its word
  Abandon,  ///< close: for COMMIT, which a cancel could turn into a commit without its standbys
};

struct ExchangeOptions {
  Phase phase = Phase::InFlight;  ///< of an error after the statement was sent
  AtDeadline at_deadline = AtDeadline::Cancel;
};

/// Marks the session as having a call under way; two at once are a bug of the caller.
class BusyMark {
 public:
  explicit BusyMark(Session& session);
  ~BusyMark() { session_->busy = false; }
  BusyMark(const BusyMark&) = delete;
  BusyMark& operator=(const BusyMark&) = delete;

 private:
  Session* session_;
};

/// Why this session is lost; nullopt while it lives. Looks whether the server has already hung up,
/// which turns most losses into NotApplied.
[[nodiscard]] std::optional<DbError> find_loss(Session& session);
/// Why nothing is to be sent: the session is lost, or the limit is over before the work began.
[[nodiscard]] std::optional<DbError> refusal(Session& session, const Limit& limit);

/// Finishes an exchange whose PQsend... call returned `sent`. The last statement's result, or the
/// first error. The session is closed unless its state is known afterwards.
runtime::Task<DbResult<Rows>> finish_exchange(Session* session, int sent, ExchangeOptions options,
                                              Limit limit);

/// An error of this session; farewell notices supply the SQLSTATE of a lost one.
[[nodiscard]] DbError lost_error(const Session& session, std::string detail, Phase phase,
                                 Outcome outcome);

}  // namespace pgkeel::client
