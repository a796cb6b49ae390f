// What somebody did to tables and databases by a statement that was meant otherwise, and an app
// that asks for them. The moment is that of the commit.
#include "chaos/accuracy/injector.hpp"

namespace pgkeel::chaos {
namespace {

// Taken when the statement is back: before its commit there was nothing to see.
SteadyTime after(Site& site, const std::string& database, const std::string& statement) {
  auto session = site.session(database);
  session.run(statement);
  return SteadyClock::now();
}

}  // namespace

SteadyTime drop_table(Site& site) {
  const auto gone = after(site, "shop", "drop table orders");
  static_cast<void>(site.session("shop").try_run("select from orders"));
  return gone;
}

SteadyTime truncate_table(Site& site) { return after(site, "shop", "truncate baskets"); }

SteadyTime delete_rows(Site& site) {
  return after(site, "shop", "delete from visits where id > 0");
}

SteadyTime drop_schema(Site& site) { return after(site, "shop", "drop schema billing cascade"); }

SteadyTime drop_database(Site& site) {
  return after(site, "postgres", "drop database crm with (force)");
}

}  // namespace pgkeel::chaos
