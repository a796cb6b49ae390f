// A line of the record of DDL that `pgkeel protect` writes into the server's log:
// "pgkeel-ddl 1 {...}", one object of known keys (src/maintain/protection_sql.cpp makes it).
// Anybody who may raise a message can write one like it: it tells of mistakes, not of attackers. It
// guarantees: never throws; what it gives is bounded and holds no control characters. It refuses
// other versions and whatever lacks a time, a tag or a database.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"

namespace pgkeel::pg {

struct DdlLine {
  WallTime at;
  pid_t pid = 0;
  std::string database;
  std::string role;                  ///< as which it was done
  std::string login;                 ///< as which the session logged in
  std::string application;           ///< as it called itself
  std::string address;               ///< empty: over the Unix socket
  std::string tag;                   ///< "DROP TABLE"
  std::string outcome;               ///< "done", "refused", "allowed by window"
  std::vector<std::string> objects;  ///< "table public.orders"; of many the first kDdlObjectsMax
  std::int64_t count = 0;            ///< of objects, also of those left out

  /// Something was removed, or would have been.
  [[nodiscard]] bool is_drop() const;
  [[nodiscard]] bool refused() const { return outcome == "refused"; }
};

inline constexpr std::size_t kDdlObjectsMax = 20;
inline constexpr std::size_t kDdlTextMax = 256;  ///< of each text
inline constexpr std::size_t kDdlLineMax = 16U << 10U;

/// Of a line's message; nullopt for what is none.
[[nodiscard]] std::optional<DdlLine> parse_ddl_line(std::string_view message);

/// Whether it removed this one: "shop.public.orders", a table, or "shop.public", a schema.
[[nodiscard]] bool removed(const DdlLine& line, std::string_view subject);

/// "DROP TABLE table public.orders by role app (application node, from 10.0.0.5)".
[[nodiscard]] std::string describe(const DdlLine& line);

}  // namespace pgkeel::pg
