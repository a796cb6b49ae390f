// See migration_tables.hpp.
#include "sense/migration_tables.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "pg/sql_text.hpp"
#include "sense/asked_for.hpp"

namespace pgkeel::sense {
namespace {

// Prisma, Flyway (now and before 5), Liquibase, Rails and golang-migrate and dbmate, Alembic,
// Django, Knex, Sequelize, TypeORM and Laravel, Entity Framework, goose, sqlx, Diesel, Drizzle,
// Doctrine, Phinx, Atlas, Refinery, node-pg-migrate, Ecto, yoyo, MikroORM.
constexpr auto kTables = std::to_array<std::string_view>({"_prisma_migrations",
                                                          "flyway_schema_history",
                                                          "schema_version",
                                                          "databasechangelog",
                                                          "databasechangeloglock",
                                                          "schema_migrations",
                                                          "alembic_version",
                                                          "django_migrations",
                                                          "knex_migrations",
                                                          "knex_migrations_lock",
                                                          "SequelizeMeta",
                                                          "migrations",
                                                          "__EFMigrationsHistory",
                                                          "goose_db_version",
                                                          "_sqlx_migrations",
                                                          "__diesel_schema_migrations",
                                                          "__drizzle_migrations",
                                                          "doctrine_migration_versions",
                                                          "migration_versions",
                                                          "phinxlog",
                                                          "atlas_schema_revisions",
                                                          "refinery_schema_history",
                                                          "pgmigrations",
                                                          "_yoyo_migration",
                                                          "_yoyo_log",
                                                          "mikro_orm_migrations",
                                                          "pgkeel_migrations"});

// A larger one of such a name is something else, and is not counted at every listing.
constexpr std::int64_t kHistoryMax = 8 << 20;

}  // namespace

bool keeps_migrations(std::string_view table) {
  return std::ranges::find(kTables, table) != kTables.end();
}

std::vector<const Relation*> migration_tables(const std::vector<Relation>& relations) {
  std::vector<const Relation*> found;
  for (const auto& relation : relations)
    if (relation.kind == 'r' && relation.readable && relation.size_bytes <= kHistoryMax &&
        keeps_migrations(relation.name))
      found.push_back(&relation);
  return found;
}

std::string locked_among(const std::vector<const Relation*>& tables) {
  std::vector<std::uint32_t> oids;
  for (const auto* table : tables) oids.push_back(table->oid.value);
  return fmt::format(
      "select distinct l.relation::text from pg_locks l join pg_database d on d.oid = l.database "
      "where d.datname = current_database() and l.mode = 'AccessExclusiveLock' and l.granted and "
      "l.relation in ({})",
      fmt::join(oids, ", "));
}

std::string writes_of(const std::vector<const Relation*>& tables) {
  std::string sql;
  for (const auto* table : tables) {
    const auto name = pg::quote_qualified(table->schema, table->name);
    if (!name) continue;
    sql += fmt::format(
        "{}select {}::text, count(*) || '/' || coalesce(sum(hashint8(xmin::text::int8)::int8), 0) "
        "from only {}",
        sql.empty() ? kOwnStatement : " union all ", table->oid.value, *name);
  }
  return sql;
}

bool MigrationWatch::look(const std::map<std::string, std::string>& now) {
  const bool written = std::ranges::any_of(now, [this](const auto& table) {
    const auto before = seen_.find(table.first);
    return before == seen_.end() || before->second != table.second;
  });
  seen_ = now;
  return !std::exchange(first_, false) && written;
}

}  // namespace pgkeel::sense
