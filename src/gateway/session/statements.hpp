// Prepared statements of clients that share servers: what a client calls by its own name is one
// Statement, whoever prepared the same text with the same types, and has one name on every server.
// Pure. It guarantees: a client reaches no statement but its own, whatever name it says; what is
// kept of texts is bounded for each statement, and for a server in number.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "gateway/sql/session_effects.hpp"
#include "pg/wire/writer.hpp"

namespace pgkeel::gateway {

using pg::wire::ByteBuffer;

/// What opens the names of shared statements on servers; a client's own name never passes.
inline constexpr std::string_view kStatementPrefix = "pgkeel_s";

class Statement {
 public:
  /// `path`: what the names in it mean: see StatementStore::intern().
  Statement(std::uint64_t number, ByteSpan text_and_types, std::string_view path,
            sql::LexicalRules rules);
  [[nodiscard]] std::string_view name() const { return name_; }
  /// As behind the name in a Parse: the text with its NUL, and the types of parameters.
  [[nodiscard]] ByteSpan text_and_types() const { return ByteSpan(key_).first(text_bytes_); }
  /// With the path and its length: no two statements that differ in either have the same.
  [[nodiscard]] ByteSpan key() const { return key_; }
  [[nodiscard]] std::uint64_t number() const { return number_; }
  /// What it does to a session, each time it is executed.
  [[nodiscard]] const sql::Reading& reading() const { return reading_; }
  [[nodiscard]] sql::LexicalRules rules() const { return rules_; }

 private:
  std::uint64_t number_;
  std::string name_;
  ByteBuffer key_;
  std::size_t text_bytes_;
  sql::LexicalRules rules_;
  sql::Reading reading_;
};

using StatementRef = std::shared_ptr<Statement>;

/// All statements of a worker; one is forgotten when no client and no server has it.
class StatementStore {
 public:
  /// The one of this text and these types. A server plans it again when its names mean something
  /// else, but the columns of its result are those of its Parse: clients whose settings say that
  /// names mean something else (`path`) have one of their own.
  [[nodiscard]] StatementRef intern(ByteSpan text_and_types, std::string_view path,
                                    sql::LexicalRules rules);
  /// One that nobody else gets: what its names mean is not known.
  [[nodiscard]] StatementRef alone(ByteSpan text_and_types, sql::LexicalRules rules);
  /// Its result has other columns than it was prepared for: who has it keeps it, as a server does;
  /// who prepares the same text from here on gets another.
  void outdated(const Statement& statement);
  /// The same of all: relations have changed.
  void all_outdated() { by_text_->clear(); }
  [[nodiscard]] std::size_t size() const { return by_text_->size(); }
  /// A number for an unnamed statement, which are kept by their clients.
  [[nodiscard]] std::uint64_t next_unnamed() { return ++last_unnamed_; }

 private:
  /// The keys are the statements' own texts; each takes itself out when it goes.
  using ByText = std::unordered_map<std::string_view, std::weak_ptr<Statement>>;
  std::uint64_t last_number_ = 0;
  std::uint64_t last_unnamed_ = 0;
  std::shared_ptr<ByText> by_text_ = std::make_shared<ByText>();
};

/// Those of one client, by its names.
class ClientStatements {
 public:
  /// Of one client: beyond, its connection ends with an error that says so.
  static constexpr std::size_t kMost = 10'000;
  static constexpr std::size_t kBytesMost = 32U << 20U;

  [[nodiscard]] StatementRef find(std::string_view name) const;
  void put(std::string_view name, StatementRef statement);
  void erase(std::string_view name);
  void clear() {
    by_name_.clear();
    bytes_ = 0;
  }
  [[nodiscard]] std::size_t size() const { return by_name_.size(); }
  /// Calls `call` with each; those it has by several names as often.
  void each(const auto& call) const {
    for (const auto& [name, statement] : by_name_) call(*statement);
  }
  [[nodiscard]] bool full() const { return by_name_.size() >= kMost || bytes_ >= kBytesMost; }

 private:
  std::map<std::string, StatementRef, std::less<>> by_name_;
  std::size_t bytes_ = 0;  ///< of their texts
};

/// Those a server has prepared.
class ServerStatements {
 public:
  explicit ServerStatements(std::size_t most) : most_(most) {}

  /// Whether it has it, or will when what was sent is done; and counts that as a use.
  [[nodiscard]] bool uses(const Statement& statement);
  void put(StatementRef statement);
  void erase(const Statement& statement) { prepared_.erase(statement.number()); }
  void clear() { prepared_.clear(); }
  /// The one that was used longest ago, when there are more than may be; it is taken off.
  [[nodiscard]] StatementRef take_excess();
  [[nodiscard]] std::size_t size() const { return prepared_.size(); }
  /// Calls `call` with each.
  void each(const auto& call) const {
    for (const auto& [number, prepared] : prepared_) call(*prepared.statement);
  }

 private:
  struct Prepared {
    StatementRef statement;
    std::uint64_t used;
  };
  std::size_t most_;
  std::uint64_t uses_ = 0;
  std::unordered_map<std::uint64_t, Prepared> prepared_;
};

}  // namespace pgkeel::gateway
