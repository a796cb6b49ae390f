// What a text of SQL, one statement or several, does to the session it runs in: what ties the
// session to its server, what it sets, where its transactions are. Read from the text alone, in
// pieces of any size.
// It guarantees: of what stands in the text, rather more than happens than less; Unsure where it
// cannot tell. It refuses to look into what the text only calls: functions of the users', triggers,
// views. Opaque says where the text itself hands over (DO, CALL, EXECUTE); a plain call says
// nothing.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/sql/lexer.hpp"
#include "gateway/sql/words.hpp"

namespace pgkeel::gateway::sql {

/// A set of enumerators that are single bits.
template <class Bit>
struct BitSet {
  std::uint16_t bits = 0;

  constexpr BitSet() = default;
  constexpr BitSet(Bit bit) : bits(static_cast<std::uint16_t>(bit)) {}
  [[nodiscard]] constexpr bool has(Bit bit) const {
    return (bits & static_cast<std::uint16_t>(bit)) != 0;
  }
  [[nodiscard]] constexpr bool empty() const { return bits == 0; }
  constexpr BitSet& add(BitSet more) { return bits |= more.bits, *this; }
  constexpr BitSet& remove(BitSet less) {
    return bits = static_cast<std::uint16_t>(bits & ~less.bits), *this;
  }
  friend constexpr BitSet operator|(BitSet a, BitSet b) { return a.add(b); }
  friend constexpr bool operator==(BitSet, BitSet) = default;
};

/// What lives in one server's session and nowhere else.
enum class Tie : std::uint16_t {
  Listen = 1U << 0U,
  TempObject = 1U << 1U,
  AdvisoryLock = 1U << 2U,
  HoldCursor = 1U << 3U,
  Prepared = 1U << 4U,       ///< by SQL's PREPARE
  Library = 1U << 5U,        ///< LOAD: for as long as the session lives
  Authorization = 1U << 6U,  ///< SET SESSION AUTHORIZATION
  /// currval(), lastval(): what an earlier nextval() of the session left. Too late for that one;
  /// from here on the session stays where it is, so that the next insert and lastval() agree.
  Sequence = 1U << 7U,
  Seed = 1U << 8U,      ///< setseed(), SET seed
  Resource = 1U << 9U,  ///< a temporary replication slot, a base backup, a dblink connection, ...
};
constexpr BitSet<Tie> operator|(Tie a, Tie b) { return BitSet(a) | BitSet(b); }
/// Those that a rollback brings back when they were undone in what it rolls back.
inline constexpr BitSet<Tie> kTransactionalTies = Tie::Listen | Tie::TempObject;

enum class Trait : std::uint16_t {
  Sets = 1U << 0U,         ///< settings of the session, named in `names`
  SetsLocally = 1U << 1U,  ///< settings of the transaction: gone when it ends, and not named
  ResetsAll = 1U << 2U,
  SetsUnknown = 1U << 3U,  ///< settings whose names are not to be seen, or too many
  Opaque = 1U << 4U,       ///< runs what the text does not show: it may do anything
  Unsure = 1U << 5U,       ///< could not be told for certain: it may do anything
  Begins = 1U << 6U,
  Commits = 1U << 7U,
  RollsBack = 1U << 8U,
  Savepoint = 1U << 9U,  ///< set or released
  RollsBackTo = 1U << 10U,
  PreparesTransaction = 1U << 11U,
  EndsPrepared = 1U << 12U,  ///< COMMIT PREPARED, ROLLBACK PREPARED
  Copies = 1U << 13U,
  /// What a name without a schema means may be another behind it: search_path, a role, names that
  /// are not to be seen; of the session or the transaction.
  MovesPath = 1U << 14U,
};
constexpr BitSet<Trait> operator|(Trait a, Trait b) { return BitSet(a) | BitSet(b); }
/// The transaction is not the one it was behind these.
inline constexpr BitSet<Trait> kTransactionTraits = Trait::Begins | Trait::Commits |
                                                    Trait::RollsBack | Trait::RollsBackTo |
                                                    Trait::PreparesTransaction;

/// What a statement begins with, for those who think of sending it again.
enum class Verb : std::uint8_t {
  None,    ///< no statement
  Select,  ///< also VALUES and TABLE: no proof that nothing is written
  Insert,
  Update,
  Delete,
  Merge,
  With,
  Begin,
  Commit,
  Rollback,
  Other,
};

struct SessionEffects {
  /// May be there afterwards, however the text ends.
  BitSet<Tie> ties;
  /// Are certainly not there afterwards if the whole text ended without an error and, for
  /// kTransactionalTies, what it was part of was committed. After a success the session's ties are
  /// (before | ties) without these, after an error before | ties.
  BitSet<Tie> undone;
  BitSet<Trait> traits;
  Verb verb = Verb::None;       ///< of the first statement
  std::uint8_t statements = 0;  ///< 255: or more
};

struct NamedEffect {
  enum class Kind : std::uint8_t { Sets, Resets, Prepares, Deallocates };
  Kind kind = Kind::Sets;
  std::string name;  ///< a setting's in lower case; a statement's as the server keeps it

  friend bool operator==(const NamedEffect&, const NamedEffect&) = default;
};

/// More names in one text than that are SetsUnknown: nobody sets as many.
inline constexpr std::size_t kNamesMost = 32;

/// Reads one text. About 600 bytes, of which nothing is on the heap unless there are names.
class EffectsReader {
 public:
  explicit EffectsReader(LexicalRules rules) : lexer_(rules) {}

  void feed(std::string_view piece);
  /// Behind the last piece.
  [[nodiscard]] const SessionEffects& finish();
  /// In the order of the text; complete behind finish().
  [[nodiscard]] const std::vector<NamedEffect>& names() const { return names_; }

 private:
  enum class Scope : std::uint8_t { Session, Transaction };
  /// Where in set_config(name, value, is_local) the text is.
  enum class Argument : std::uint8_t { None, Name, BehindName, Value, IsLocal, IsTrue, Rest };
  enum class Setting : std::uint8_t { None, Name, Value };

  static constexpr std::size_t kHeadMost = 7;  // SELECT pg_catalog.pg_advisory_unlock_all() and one
  static constexpr std::size_t kNameMost = 128;  // two names of the server's and a dot

  struct BoundedText {
    std::array<char, kNameMost> bytes;
    std::uint8_t size = 0;
    bool whole = true;
    void append(std::string_view text);
    void fold();
    [[nodiscard]] std::string_view view() const { return {bytes.data(), size}; }
  };

  void take(const Token& token);
  [[nodiscard]] Word word_of_token(const Token& token);
  void take_lead(Word word);
  void take_word(Word word);
  void take_pair(Word word);
  void take_statement_name(const Token& token);
  void call(Word function);
  void end_statement();
  void apply_rule();

  void take_setting(const Token& token, Word word);
  void begin_setting(Scope scope);
  void end_setting(Word by);
  void end_special_setting();
  void end_reset();
  void take_argument(const Token& token, Word word);
  void end_set_config(Scope scope);
  void check_value(const Token& token, std::string_view setting);

  void tie(BitSet<Tie> ties);
  void set(Scope scope, std::string_view name);
  void set_unknown(Scope scope);
  void add_name(NamedEffect::Kind kind, std::string_view name);
  [[nodiscard]] bool is(Word lead) const { return head_[0] == lead; }

  Lexer lexer_;
  SessionEffects effects_;
  std::vector<NamedEffect> names_;

  // Of the statement that is open.
  std::array<Word, kHeadMost> head_{};
  std::uint8_t head_size_ = 0;
  Word before_ = Word::Nothing;
  Word before_that_ = Word::Nothing;
  Word called_ = Word::Nothing;  ///< a function, if a parenthesis follows
  bool explains_ = false;
  bool updates_ = false;
  bool drops_on_commit_ = false;
  std::uint32_t option_depth_ = 0;  ///< in EXPLAIN (...)

  // SET and RESET, and the names that PREPARE and DEALLOCATE give.
  Setting setting_ = Setting::None;
  Scope scope_ = Scope::Session;
  std::uint8_t setting_tokens_ = 0;
  std::array<Word, 2> setting_words_{};
  bool well_formed_ = false;
  BoundedText name_;

  // set_config()
  Argument argument_ = Argument::None;
  bool argument_named_ = false;
  std::uint32_t depth_ = 0;
  BoundedText argument_name_;
};

/// Of a text that is there in one piece.
struct Reading {
  SessionEffects effects;
  std::vector<NamedEffect> names;
};
[[nodiscard]] Reading read_effects(std::string_view sql, LexicalRules rules = {});

}  // namespace pgkeel::gateway::sql
