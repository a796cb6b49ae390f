// What a server still owes: every request given to it and not answered, in order, so that each
// answer is known for what it is, whoever asked and however the requests were pipelined. Pure.
// It follows the server's own rules: an error in the extended protocol skips everything up to the
// next Sync; a Sync during COPY ... FROM STDIN is not answered; a Query is answered until its
// ReadyForQuery. https://www.postgresql.org/docs/current/protocol-flow.html and PostgresMain() in
// src/backend/tcop/postgres.c.
// It guarantees: a server is called idle only when it owes nothing and no transaction is open.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "pg/wire/backend_messages.hpp"

namespace pgkeel::gateway {

class Statement;
using TransactionStatus = pg::wire::backend::TransactionStatus;

/// What a server was asked, as far as its answers differ.
enum class Request : std::uint8_t {
  Query,
  FunctionCall,
  Parse,
  Bind,
  Describe,
  Close,
  Execute,
  Sync,
  CopyEnd,  ///< CopyDone or CopyFail: the end of what a COPY takes; it has no answer of its own
  Forget,   ///< of the gateway's books alone: `statement` is no longer the client's, unless undone
};

/// Whose the answer is.
enum class Answer : std::uint8_t {
  Clients,
  Gateways,  ///< it asked for itself: the client is not told
  FromUs,    ///< the server was not asked: the gateway answers in its place, in order
};

/// Stands for the client's name in a Parse that is expected to fail, as there is one of its name.
inline constexpr const char* kTakenName = "\x01";

struct Expected {
  Request request;
  Answer answer = Answer::Clients;
  /// Of a Parse or a Close: what the server has, or has no more, once it is answered; of a Query or
  /// a Forget: what the client has no more; of a Bind or a Describe: what it names.
  std::shared_ptr<Statement> statement = {};
  std::string name = {};  ///< what the client calls it
};

class Exchange {
 public:
  /// What is owed at most: a client that pipelines further is not read until some are answered.
  static constexpr std::size_t kOwedMost = 16'384;

  /// A request goes to the server (or would: Answer::FromUs). What the server will skip or ignore
  /// is not waited for: false, and a gateway's own request must not be sent then.
  bool request(Expected expected);

  /// The header of an answer has come: whether the message is the client's. Malformed: nothing it
  /// could be the answer to.
  [[nodiscard]] Result<Answer> reply(char type);
  /// What the last reply() of an error made undone, the failed request first: never answered. A
  /// Query is there when it had a statement, and still owes its ReadyForQuery.
  [[nodiscard]] std::span<const Expected> undone() const { return undone_; }
  /// What the last reply() completed: of a Parse or a Close.
  [[nodiscard]] const std::optional<Expected>& completed() const { return completed_; }
  /// The next answer that is ours to give now, if that is what comes next; it is taken.
  [[nodiscard]] std::optional<Request> take_ours();
  /// The status in a ReadyForQuery whose reply() was told.
  void ready(TransactionStatus status) { status_ = status; }

  /// Requests that are not answered yet, in order.
  [[nodiscard]] std::span<const Expected> owed() const { return std::span(owed_).subspan(first_); }
  [[nodiscard]] TransactionStatus status() const { return status_; }
  /// It owes nothing, and no transaction is open.
  [[nodiscard]] bool idle() const {
    return owed_.size() == first_ && status_ == TransactionStatus::Idle && !batch_;
  }
  /// Nothing is owed; a transaction may be open.
  [[nodiscard]] bool quiet() const { return owed_.size() == first_ && !batch_; }
  [[nodiscard]] bool skipping() const { return skipping_; }
  [[nodiscard]] bool full() const { return owed_.size() - first_ >= kOwedMost; }

 private:
  [[nodiscard]] Expected* front();
  void pop();
  [[nodiscard]] Answer failed();
  void copy_in_begins();
  [[nodiscard]] Result<Answer> finishes(bool is, char type);
  [[nodiscard]] Result<Answer> belongs(bool is, char type);

  std::vector<Expected> owed_;
  std::size_t first_ = 0;
  std::vector<Expected> undone_;
  std::optional<Expected> completed_;
  TransactionStatus status_ = TransactionStatus::Idle;
  bool skipping_ = false;    ///< after an error, until a Sync
  bool copying_in_ = false;  ///< the server reads CopyData, and ignores Sync
  bool batch_ = false;       ///< extended requests were sent since the last Sync
};

}  // namespace pgkeel::gateway
