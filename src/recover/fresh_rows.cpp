// See fresh_rows.hpp.
#include "recover/fresh_rows.hpp"

#include <fmt/format.h>

#include "recover/sql.hpp"
#include "sense/catalog_rows.hpp"

namespace pgkeel::recover {
namespace {

using client::Connection;
using client::Rows;
using runtime::Task;

constexpr Millis kPatience{1'000};
constexpr std::string_view kWhere = "kept apart, in the cluster that was initialised";

constexpr const char* kDatabases =
    "select datname from pg_database where datallowconn and not datistemplate order by datname";
constexpr const char* kTables =
    "select format('%I.%I', n.nspname, c.relname) from pg_class c"
    " join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'r'"
    " and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'";

Task<std::optional<Rows>> ask(Connection* connection, std::string sql, SteadyTime until) {
  auto rows = co_await connection->query(std::move(sql), {}, until);
  if (!rows) co_return std::nullopt;
  co_return std::move(*rows);
}

std::string counting(const Rows& tables) {
  std::string sql;
  for (std::size_t row = 0; row < tables.size(); ++row)
    sql += fmt::format("{}select count(*) as rows from only {}", row == 0 ? "" : " union all ",
                       sense::read_text(tables, row, 0));
  return fmt::format("select sum(rows)::int8 from ({}) counted", sql);
}

Task<bool> count_in(Services* services, std::string database, SteadyTime until, FreshRows* fresh) {
  auto connection = co_await open_session(services, std::move(database), until);
  if (!connection) co_return false;
  const auto tables = co_await ask(&*connection, kTables, until);
  if (!tables) co_return false;
  if (tables->empty()) co_return true;
  const auto counted = co_await ask(&*connection, counting(*tables), until);
  if (!counted || counted->empty()) co_return false;
  fresh->tables += static_cast<std::int64_t>(tables->size());
  fresh->rows += counted->int64(0, 0).value_or(0);
  co_return true;
}

}  // namespace

Task<std::optional<FreshRows>> count_fresh_rows(Services* services) {
  const auto until = services->loop.after(kPatience);
  auto connection = co_await open_session(services, maintenance_database(*services), until);
  if (!connection) co_return std::nullopt;
  const auto databases = co_await ask(&*connection, kDatabases, until);
  if (!databases) co_return std::nullopt;
  FreshRows fresh;
  for (std::size_t row = 0; row < databases->size(); ++row) {
    const bool counted =
        co_await count_in(services, sense::read_text(*databases, row, 0), until, &fresh);
    if (!counted) co_return std::nullopt;
  }
  co_return fresh;
}

std::string words_of(const std::optional<FreshRows>& fresh) {
  if (!fresh) return fmt::format("rows written meanwhile were not counted; they are {}", kWhere);
  if (fresh->tables == 0) return {};
  return fmt::format("at least {} row{} in {} table{}, written meanwhile, are {}", fresh->rows,
                     fresh->rows == 1 ? "" : "s", fresh->tables, fresh->tables == 1 ? "" : "s",
                     kWhere);
}

bool tells_of_fresh_rows(std::string_view loss) { return loss.ends_with(kWhere); }

}  // namespace pgkeel::recover
