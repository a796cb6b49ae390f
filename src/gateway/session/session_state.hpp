// What a client has in its server's session that another client must not find there and that the
// client would miss elsewhere: read from what it says, before the server runs it. Pure.
// It guarantees: rather more than there is than less; what is known to be gone again, and was gone
// with its transaction's end, ties no longer. It refuses to look into functions: what they do to
// the session is not seen (docs/guide/gateway.md).
#pragma once

#include <string>
#include <vector>

#include "gateway/sql/session_effects.hpp"

namespace pgkeel::gateway {

class SessionState {
 public:
  /// How texts of this client are to be read.
  void set_rules(sql::LexicalRules rules) { rules_ = rules; }
  [[nodiscard]] sql::LexicalRules rules() const { return rules_; }

  /// A text goes to the server, or a statement that was prepared from it.
  void says(const sql::Reading& reading);
  /// A text goes to the server that was not read.
  void cannot_tell() { stuck_ = true; }
  /// The server reported an error to it.
  void failed() { failed_ = true; }
  /// The server owes nothing and no transaction is open.
  void transaction_over();

  /// Whether it has to stay with its server.
  [[nodiscard]] bool tied() const { return stuck_ || touched_ || unknown_ || !ties_.empty(); }
  /// Whether it stays for nothing but settings that may be read from the server, and carried.
  [[nodiscard]] bool settings_unread() const {
    return touched_ && !stuck_ && !unknown_ && ties_.empty();
  }
  /// Settings it has made up ("app.user"), which the server does not list.
  [[nodiscard]] const std::vector<std::string>& placeholders() const { return placeholders_; }
  /// Those that may be other than when they were read last; null: any may be.
  [[nodiscard]] const std::vector<std::string>* only_set() const {
    return any_set_ ? nullptr : &set_;
  }
  /// They have been read.
  void settings_read();
  /// Whether names without a schema may mean something else to it than the settings that were read
  /// last say.
  [[nodiscard]] bool path_moved() const { return path_moved_ || ties_.has(sql::Tie::TempObject); }
  [[nodiscard]] sql::BitSet<sql::Tie> ties() const { return ties_; }
  /// Whether it may have said PREPARE of this name, which its server then has, not the gateway.
  [[nodiscard]] bool prepared_by_sql(std::string_view name) const;

 private:
  void says(const sql::NamedEffect& effect);
  void touches(const sql::Reading& reading);

  /// Of one client: whoever prepares more has its names taken for the server's.
  static constexpr std::size_t kPreparedMost = 64;
  /// More than a set of settings may have.
  static constexpr std::size_t kPlaceholdersMost = 64;
  /// Then all are read.
  static constexpr std::size_t kOnlySetMost = 8;

  sql::LexicalRules rules_;
  sql::BitSet<sql::Tie> ties_;
  sql::BitSet<sql::Tie> undone_;       ///< of this transaction, if it goes well
  std::vector<std::string> prepared_;  ///< names, by SQL
  std::vector<std::string> placeholders_;
  std::vector<std::string> set_;  ///< by nothing but SET name = value
  bool any_set_ = false;
  bool rolls_back_ = false;  ///< something of this transaction
  bool failed_ = false;
  bool discards_ = false;  ///< DISCARD ALL, by itself
  bool stuck_ = false;     ///< nobody can tell any more what it has
  bool touched_ = false;   ///< settings
  bool unknown_ = false;   ///< settings, whose names nobody has seen
  bool path_moved_ = false;
};

}  // namespace pgkeel::gateway
