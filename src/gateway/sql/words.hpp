// The words that say what a statement does to its session: keywords, and the functions and names
// that matter wherever they stand. Everything else is Word::Other.
// It guarantees: a word that is none of them costs a look into two small tables.
#pragma once

#include <cstdint>
#include <string_view>

namespace pgkeel::gateway::sql {

enum class Word : std::uint8_t {
  Nothing,  ///< no token
  Other,
  // Tokens that are no words.
  Literal,
  Star,
  Dot,
  Open,
  Close,
  // Verbs.
  Abort,
  Analyze,
  Begin,
  Call,
  CloseVerb,
  Commit,
  Copy,
  Create,
  Deallocate,
  Declare,
  Delete,
  Discard,
  Do,
  Drop,
  End,
  Execute,
  Explain,
  Insert,
  Listen,
  Load,
  Merge,
  Prepare,
  Release,
  Reset,
  Rollback,
  Savepoint,
  Select,
  Set,
  Start,
  Table,
  Unlisten,
  Update,
  Utility,  ///< ALTER, GRANT, VACUUM, ...: what leaves nothing in a session
  Values,
  With,
  // Other keywords.
  All,
  As,
  Atomic,
  Authorization,
  Characteristics,
  Constraints,
  Default,
  From,
  Global,
  Hold,
  Into,
  Local,
  Names,
  On,
  Or,
  Prepared,
  Replace,
  Role,
  Schema,
  Sequences,
  Session,
  Temp,
  Time,
  To,
  Transaction,
  True,
  Verbose,
  WorkWord,
  Xml,
  Zone,
  // Names that matter as names, quoted or not.
  PgCatalog,
  PgSettings,
  TempSchema,  ///< pg_temp, pg_temp_3, ...
  // Functions, if a parenthesis follows.
  LocksAdvisory,
  UnlocksAdvisory,
  SetsConfig,
  SetsLimit,
  SetsSeed,
  ReadsSequence,
  TakesResource,  ///< something else that lives as long as the session
  RunsText,       ///< runs the SQL in one of its arguments
};

inline constexpr Word kFirstName = Word::PgCatalog;
inline constexpr Word kFirstFunction = Word::LocksAdvisory;

/// In any case of letters, as an identifier without quotes is read.
[[nodiscard]] Word word_of(std::string_view text);
/// Of an identifier that was quoted: never a keyword.
[[nodiscard]] Word quoted_word_of(std::string_view text);

}  // namespace pgkeel::gateway::sql
