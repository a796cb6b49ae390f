// What the gateway knows of one server connection while clients come and go: what it owes, which
// statements it has prepared, whose unnamed one it holds. Pure: bytes in, bytes for the client out.
// It guarantees: of an answer that is the gateway's own no byte reaches a client; the answers the
// gateway gives in a server's place come in the order of the requests.
#pragma once

#include "gateway/session/exchange.hpp"
#include "gateway/session/outlet.hpp"
#include "gateway/session/statements.hpp"
#include "pg/wire/message_collector.hpp"

namespace pgkeel::gateway {

/// Told of what a server says besides answers to the client that is attached.
class ServerListener {
 public:
  /// A whole message: an answer to the gateway's own request, a ParameterStatus, the tag of a
  /// command, an error; `whose` of the request it answers. Valid during the call.
  virtual void on_message(const pg::wire::Message& message, Answer whose) = 0;
  /// The client was told an error.
  virtual void on_failed() = 0;
  /// A Parse of the attached client failed, or was skipped: it has no statement of that name.
  virtual void on_unprepared(const std::string& name, const StatementRef& statement) = 0;
  /// A Close or DEALLOCATE of it failed, or was skipped: it still has the statement.
  virtual void on_unclosed(const std::string& name, const StatementRef& statement) = 0;

 protected:
  ~ServerListener() = default;
};

class ServerSession {
 public:
  /// Of the messages the gateway itself looks at; what is longer is only forwarded.
  static constexpr std::size_t kLookedAtMost = 64U << 10U;

  /// An unnamed statement that may or may not be there: no client's, so that nobody binds to it.
  static constexpr std::uint64_t kNobodys = UINT64_MAX;

  explicit ServerSession(std::size_t statements_most)
      : statements_(statements_most), collector_(kLookedAtMost) {}

  enum class Step : std::uint8_t {
    Done,  ///< the chunk is used up
    Free,  ///< it owes nothing and no transaction is open; the chunk may go on
    Quiet  ///< it owes nothing, within a transaction
  };
  /// Takes from the front of `chunk` what the server said; `client` gets what is its own, and
  /// nullptr stands for none attached. Malformed: the connection is of no use any more.
  [[nodiscard]] Result<Step> take(ByteSpan& chunk, Outlet* client, ServerListener& listener);
  /// Gives the answers of ours that are due: after a request that nothing is owed before.
  void answer_ours(Outlet* client);

  [[nodiscard]] Exchange& exchange() { return exchange_; }
  [[nodiscard]] const Exchange& exchange() const { return exchange_; }
  [[nodiscard]] ServerStatements& statements() { return statements_; }
  /// Whose unnamed statement it holds: a number no two Parse of a worker share; 0: nobody's.
  [[nodiscard]] std::uint64_t unnamed() const { return unnamed_; }
  void set_unnamed(std::uint64_t whose) { unnamed_ = whose; }
  /// Whether a request of the gateway's own has failed since it was asked last, or its answer was
  /// too long to be looked at.
  [[nodiscard]] bool take_own_failure() { return std::exchange(own_failed_, false); }
  /// Every statement was deallocated by SQL: but those that are prepared behind it.
  void all_deallocated();
  /// What it has prepared is not what is booked: it is to be closed as soon as it is free.
  [[nodiscard]] bool unsound() const { return unsound_; }
  /// Whether a message is under way from it.
  [[nodiscard]] bool mid_message() const { return !cursor_.between_messages(); }
  /// Whether its client has had the beginning of a message and not the end: whatever else it were
  /// told, it would take for the rest.
  [[nodiscard]] bool mid_answer() const { return cursor_.left() > 0 && whose_ == Answer::Clients; }

 private:
  [[nodiscard]] Result<void> begin(const pg::wire::FramePiece& piece, ServerListener& listener);
  void undo(ServerListener& listener);
  [[nodiscard]] Result<void> look(const pg::wire::FramePiece& piece, ServerListener& listener);

  Exchange exchange_;
  ServerStatements statements_;
  pg::wire::FrameCursor cursor_{pg::wire::Sender::Backend};
  pg::wire::MessageCollector collector_;
  std::uint64_t unnamed_ = 0;
  Answer whose_ = Answer::Clients;  ///< of the message under way
  bool unsound_ = false;
  bool own_failed_ = false;
  bool looking_ = false;  ///< at the message under way
};

}  // namespace pgkeel::gateway
