// What somebody did to tables and databases by a statement that was meant otherwise. The moment is
// that of the commit.
#include "chaos/accuracy/injector.hpp"

namespace pgkeel::chaos {
namespace {

// Taken when the statement is back: before its commit there was nothing to see.
SteadyTime after(AdvisedServer& advised, const std::string& database,
                 const std::string& statement) {
  auto session = advised.session(database);
  session.run(statement);
  return SteadyClock::now();
}

}  // namespace

SteadyTime drop_table(AdvisedServer& advised) {
  return after(advised, "shop", "drop table orders");
}

SteadyTime truncate_table(AdvisedServer& advised) {
  return after(advised, "shop", "truncate baskets");
}

SteadyTime delete_rows(AdvisedServer& advised) {
  return after(advised, "shop", "delete from visits where id > 0");
}

SteadyTime drop_schema(AdvisedServer& advised) {
  return after(advised, "shop", "drop schema billing cascade");
}

SteadyTime drop_database(AdvisedServer& advised) {
  return after(advised, "postgres", "drop database crm with (force)");
}

}  // namespace pgkeel::chaos
