// See answers.hpp.
#include "gateway/admin/answers.hpp"

#include <string>
#include <vector>

#include "gateway/admin/sheet.hpp"

namespace pgkeel::gateway::admin {
namespace {

namespace wire = pg::wire;
using wire::backend::Column;
using wire::backend::kInt4Type;

constexpr std::string_view kInternalError = "XX000";

constexpr std::string_view kHelp =
    "\n\tSHOW HELP|POOLS|CLIENTS|SERVERS|STATS|STATS_TOTALS|STATS_AVERAGES|TOTALS\n"
    "\tSHOW DATABASES|CONFIG|PREPARED_STATEMENTS|LISTS|USERS|VERSION|STATE\n"
    "\tPAUSE [<db>]\n\tRESUME [<db>]\n\tRECONNECT [<db>]\n\tKILL [<db>]\n\tRELOAD\n";

constexpr std::string_view kReloaded =
    "the guard's orders are followed as they come, and the configuration is read by the guard, or "
    "by a gateway of its own, when it starts";

void append_notice(ByteBuffer& out, std::string_view message, std::string_view detail = {}) {
  append(out, {.severity = "NOTICE", .sqlstate = "00000", .message = message, .detail = detail},
         wire::ReportAs::Notice);
}

std::int16_t bytes_of_type(Oid type) { return type == kInt4Type ? 4 : -1; }

}  // namespace

void append_description(ByteBuffer& out, Topic topic) {
  if (topic == Topic::Help) return wire::append_bare<wire::backend::NoData>(out);
  const auto sheet = sheet_of(topic, {});
  std::vector<Column> columns;
  for (const auto& [name, type] : sheet.heads)
    columns.push_back({.name = name, .type = type, .type_bytes = bytes_of_type(type)});
  wire::backend::append_row_description(out, columns);
}

void append_rows(ByteBuffer& out, Topic topic, const Snapshots& snapshots) {
  if (topic == Topic::Help) append_notice(out, "Console usage", kHelp);
  for (const auto& row : sheet_of(topic, snapshots).rows)
    wire::backend::append_data_row(out, std::vector<wire::Value>(row.begin(), row.end()));
  append_done(out, Verb::Show);
}

void append_show(ByteBuffer& out, Topic topic, const Snapshots& snapshots) {
  if (topic != Topic::Help) append_description(out, topic);
  append_rows(out, topic, snapshots);
}

void append_done(ByteBuffer& out, Verb verb) {
  if (verb == Verb::Reload) append_notice(out, kReloaded);
  append(out, wire::backend::CommandComplete{tag_of(verb)});
}

void append_error(ByteBuffer& out, const Error& error) {
  append(out,
         wire::ErrorReport{.sqlstate = error.sqlstate.empty() ? kInternalError : error.sqlstate,
                           .message = error.detail,
                           .hint = error.hint()});
}

}  // namespace pgkeel::gateway::admin
