// A run of logical dumps: every database by pg_dump, and the roles by pg_dumpall, streamed through
// the archive's encoding into the store, read back from there and judged, then recorded.
// It guarantees: the record is written last; what is recorded as good was listed from the store by
// pg_restore, has every table that its snapshot had, and did not shrink unexplained; a database
// that failed is recorded as failed and takes no other with it. Memory does not grow with the data.
// It refuses to call a program that ended well and wrote nothing a dump.
#pragma once

#include <functional>
#include <string_view>

#include "archive/dump/server_sql.hpp"

namespace pgkeel::archive {

enum class Shrunken { Doubt, Accept };

struct DumpProgress {
  std::string database;
  std::size_t number = 0;  ///< of the database, from 1
  std::size_t total = 0;
  std::uint64_t bytes = 0;  ///< of this database so far
};

struct DumpRequest {
  DumpServer server;
  DumpedServer facts;  ///< as read_dumped_server() told
  ClientPrograms programs;
  Store* store = nullptr;
  Encoding encoding = {};
  const KeyRing* keys = nullptr;  ///< to read back with
  std::string label;              ///< a fresh time_label()
  Shrunken shrunken = Shrunken::Doubt;
  std::string made_by = "pgkeel";
  std::stop_token stop = {};
  std::function<void(const DumpProgress&)> tell = {};
};

/// Blocking. A run that has failures is a value: they are in its record, which is in the store. An
/// error is what kept anything from being recorded: Refused (the label is in use), Cancelled, what
/// the store says.
[[nodiscard]] Result<Dump> make_dump(const DumpRequest& request);

/// One database, for make_dump(). Cancelled is an error, every other failure is in the result.
[[nodiscard]] Result<DumpedDatabase> dump_database(const DumpRequest& request,
                                                   const std::string& name, std::size_t number);

/// Streams what `spec`, a run of `program`, writes into the object `key`; nothing is left of it
/// when the program fails.
[[nodiscard]] Result<StoredObject> store_output(const DumpRequest& request,
                                                const std::string& program,
                                                const runtime::ProcessSpec& spec,
                                                const std::string& key,
                                                const std::function<void(std::uint64_t)>& tell);

}  // namespace pgkeel::archive
