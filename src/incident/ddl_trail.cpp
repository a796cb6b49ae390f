// See ddl_trail.hpp. Names of objects hold no line ends (pg::parse_ddl_line), so a text keeps them.
#include "incident/ddl_trail.hpp"

#include <algorithm>

#include "incident/store_connection.hpp"

namespace pgkeel::incident {
namespace {

std::string joined(const std::vector<std::string>& objects) {
  std::string text;
  for (const auto& object : objects) text += (text.empty() ? "" : "\n") + object;
  return text;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> objects;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    objects.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return objects;
}

Result<void> insert(Database& db, const pg::DdlLine& line) {
  TRY_VOID(db.run(
      "INSERT OR IGNORE INTO ddl (at, pid, database, role, login, application, address, tag, "
      "outcome, objects, count) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
      line.at, line.pid, line.database, line.role, line.login, line.application, line.address,
      line.tag, line.outcome, joined(line.objects), line.count));
  return {};
}

pg::DdlLine line_of(const Statement& row) {
  pg::DdlLine line;
  line.at = row.time(0);
  line.pid = static_cast<pid_t>(row.integer(1));
  line.database = row.text(2);
  line.role = row.text(3);
  line.login = row.text(4);
  line.application = row.text(5);
  line.address = row.text(6);
  line.tag = row.text(7);
  line.outcome = row.text(8);
  line.objects = split(row.text(9));
  line.count = row.integer(10);
  return line;
}

}  // namespace

Result<void> DdlTrail::record(const std::vector<pg::DdlLine>& lines, WallTime now) {
  return store_->connection().write("ddl.record", [&](Database& db) -> Result<void> {
    for (const auto& line : lines) TRY_VOID(insert(db, line));
    TRY_VOID(db.run("DELETE FROM ddl WHERE at < ?", now - kDdlKeptFor));
    TRY_VOID(db.run("DELETE FROM ddl WHERE id <= (SELECT max(id) FROM ddl) - ?", kDdlKept));
    return {};
  });
}

Result<std::vector<pg::DdlLine>> DdlTrail::since(WallTime since, std::size_t most) const {
  const auto held = store_->connection().hold();
  TRY(lines, collect(held.db.query("SELECT at, pid, database, role, login, application, address, "
                                   "tag, outcome, objects, count FROM ddl WHERE at >= ? "
                                   "ORDER BY at DESC, id DESC LIMIT ?",
                                   since, most),
                     line_of));
  std::ranges::reverse(lines);
  return lines;
}

// The statement came before its commit, in the server's words and by its clock.
const pg::DdlLine* who_removed(const std::vector<pg::DdlLine>& lines, std::string_view subject,
                               WallTime at) {
  constexpr Seconds kLongest{3'600};
  constexpr Seconds kRounded{1};
  const pg::DdlLine* found = nullptr;
  for (const auto& line : lines)
    if (line.at <= at + kRounded && at - line.at <= kLongest && pg::removed(line, subject))
      found = &line;
  return found;
}

}  // namespace pgkeel::incident
