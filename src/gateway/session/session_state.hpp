// What a client has in its server's session that another client must not find there and that the
// client would miss elsewhere: read from what it says, before the server runs it. Pure.
// It guarantees: rather more than there is than less; what is known to be gone again, and was gone
// with its transaction's end, ties no longer. It refuses to look into functions: what they do to
// the session is not seen (docs/guide/gateway.md).
#pragma once

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
  [[nodiscard]] bool tied() const { return stuck_ || touched_ || !ties_.empty(); }
  [[nodiscard]] sql::BitSet<sql::Tie> ties() const { return ties_; }

 private:
  sql::LexicalRules rules_;
  sql::BitSet<sql::Tie> ties_;
  sql::BitSet<sql::Tie> undone_;  ///< of this transaction, if it goes well
  bool rolls_back_ = false;       ///< something of this transaction
  bool failed_ = false;
  bool discards_ = false;  ///< DISCARD ALL, by itself
  bool stuck_ = false;     ///< nobody can tell any more what it has
  bool touched_ = false;   ///< settings
};

}  // namespace pgkeel::gateway
