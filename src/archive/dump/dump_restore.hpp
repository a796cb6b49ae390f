// A dump brought back, into a new database of a running server.
// It guarantees: the database has its name only once it is whole and its rows were counted equal to
// those of the dump's snapshot; until then it stands under another name, and what a killed restore
// left there is removed by the next.
// It refuses a name that is in use, and to remove a half-made database that is not its own. The
// caller sees to it that only one runs at a time. Subscriptions and tablespaces stay behind: a copy
// must not feed on another's publisher, nor share its disks.
#pragma once

#include <functional>

#include "archive/dump/server_sql.hpp"

namespace pgkeel::archive {

enum class Owners { Keep, Leave };  ///< Leave: everything belongs to whom we connect as
enum class Locales { Same, OrC };   ///< OrC: C, where the server's machine has not the database's

struct DumpRestoreRequest {
  Store* store = nullptr;
  const KeyRing* keys = nullptr;
  const DumpedDatabase* database = nullptr;
  ClientPrograms programs;  ///< as new as those the dump was made with
  DumpServer server;        ///< its database is where CREATE DATABASE is said
  std::string as;
  Owners owners = Owners::Keep;
  Locales locales = Locales::Same;
  std::stop_token stop = {};
  std::function<void(std::uint64_t)> tell = {};  ///< bytes of the dump read so far
};

struct RestoredDump {
  RowCounts rows;  ///< as counted in the new database
  bool locale_replaced = false;
};

/// Refused: the name is in use; ChildFailed with pg_restore's words; Failed: other rows came back
/// than were dumped; AuthFailed: no key opens it.
[[nodiscard]] Result<RestoredDump> restore_dump(const DumpRestoreRequest& request);

}  // namespace pgkeel::archive
