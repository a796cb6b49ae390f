// The two halves of an undrop, for undrop.cpp only: what is taken out of the copy, and how it is
// put into the live server.
#pragma once

#include "archive/restore/scratch.hpp"
#include "archive/undrop/marker.hpp"
#include "archive/undrop/undrop.hpp"

namespace pgkeel::archive {

struct ForeignKey {
  std::string table;  ///< quoted, the referencing one
  std::string name;   ///< quoted
  std::string plain;  ///< the same as it is
  std::string definition;
  std::string referenced;    ///< quoted
  bool partitioned = false;  ///< NOT VALID is not possible
};

/// A table whose rows are copied over.
struct TableRows {
  std::string quoted;
  /// The same; of a partition by hash the root, since a type that is made anew has another hash.
  std::string into;
  std::string columns;   ///< "(id, name)"; nothing where it has none
  bool binary = false;   ///< every type has the same binary form on both sides
  std::size_t relation;  ///< in TakenOut::relations
};

/// What was read from the copy: definitions, but for foreign keys of a table, and what rows there
/// are to copy.
struct TakenOut {
  DefinitionFiles files;
  std::vector<UndroppedRelation> relations;  ///< tables, with their rows once these are known
  std::vector<std::string> quoted;           ///< the same, to be analyzed
  std::vector<TableRows> rows;
  std::vector<ForeignKey> foreign_keys;  ///< to and from them; not in the script
  /// Statements for what no dump of it holds: the publications a table is in, its statistics; the
  /// owner, rights and settings of a database.
  std::vector<std::string> afterwards;
  std::string new_schema;  ///< quoted; to be made when it is not there
  std::string create;      ///< of a database, with its half-made name; as `afterwards`
  std::string comment;     ///< the same's
};

/// Tables and views of `relations` present in the live database: "public.orders", unquoted.
using LiveNames = std::set<std::string>;

struct Side {
  const UndropRequest* request;
  const Scratch* scratch;
  ClientSide copy;
  /// A hot standby: it takes no change, and cannot read what is unlogged.
  [[nodiscard]] bool read_only() const { return request->standing.has_value(); }
};

/// Of a standing copy WrongState: what it cannot give, a backup may.
[[nodiscard]] Error of_copy(const Side& side, const Error& error);
/// WrongState when a standing copy has moved on while it was read: what was read is no one moment.
Result<void> stood_still(const Side& side);
/// That error.
[[nodiscard]] Error moved_on();

Result<TakenOut> take_table_out(const Side& side, const LiveNames& live, bool schema_is_gone);
Result<TakenOut> take_database_out(const Side& side);

/// One transaction; the marker is written in it. Notes what could not come along.
/// What the copy gave of each table is in `taken` and `done` by then. As of_copy() what the copy
/// cannot give.
Result<void> put_table_back(const Side& side, TakenOut& taken, Undropped& done);
Result<void> put_database_back(const Side& side, TakenOut& taken, Undropped& done);

/// After a table is back: validates its foreign keys, gathers statistics.
Result<void> finish_table(const UndropRequest& request, const std::vector<std::string>& quoted,
                          Undropped& done);

/// Sessions of a killed undrop are ended; its half-made database goes.
Result<void> end_earlier_sessions(const ClientSide& live);
Result<void> clear_half_made_database(const UndropRequest& request);
/// A database that is back under its name and still marked.
Result<void> unmark_database(const UndropRequest& request, const std::string& comment);

/// For both halves: as psql reads a file's name; that the copy lacks something; whether so many
/// bytes of a table, its copy and their WAL have room.
[[nodiscard]] std::string psql_word(const std::filesystem::path& path);
[[nodiscard]] Error not_there(const Side& side, const std::string& what);
Result<void> ask_for_room(const Side& side, std::uint64_t bytes);

[[nodiscard]] std::filesystem::path marker_file(const Scratch& scratch);
[[nodiscard]] std::string half_made_name(const UndropSubject& subject);
/// The comment by which it is known; as recover's recreate_database does.
[[nodiscard]] std::string half_made_mark(const UndropSubject& subject);

/// The name as `--as` or else the subject has it.
[[nodiscard]] const UndropSubject& wanted(const UndropRequest& request);

}  // namespace pgkeel::archive
