// The start-up parameter "options": we and real servers take and refuse the same strings, and make
// the same settings of them.
#include <gtest/gtest.h>
#include <libpq-fe.h>

#include "integration/pg/majors.hpp"
#include "pg/sql_text.hpp"
#include "pg/wire/options.hpp"

namespace pgkeel::test {
namespace {

class OptionsLive : public EveryMajor {};
PGKEEL_FOR_EVERY_MAJOR(OptionsLive);

using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;

Connection connect(const PostgresServer& server, const std::string& options) {
  const auto port = std::to_string(server.port());
  const char* keywords[] = {"host", "port", "user", "dbname", "options", nullptr};
  const char* values[] = {"127.0.0.1", port.c_str(),    "postgres",
                          "postgres",  options.c_str(), nullptr};
  return {PQconnectdbParams(keywords, values, 0), &PQfinish};
}

std::string shown(PGconn* connection, const std::string& name) {
  const auto sql = "select current_setting(" + pg::quote_literal(name).value() + ")";
  auto* result = PQexec(connection, sql.c_str());
  std::string value =
      PQntuples(result) == 1 ? PQgetvalue(result, 0, 0) : PQerrorMessage(connection);
  PQclear(result);
  return value;
}

TEST_P(OptionsLive, make_the_settings_the_server_makes) {
  // Goal: hazard 5: names, blanks, backslashes, letters: as current_setting() says it.
  PostgresServer server(options());
  for (const std::string text :
       {R"(-c a.b=c\ d\\e -ca.c=d --a.d=e=f --work-mem=64kB)", "-c a.e= -c a.e=last",
        "-eS 64 -fs -f h -tpl", "-c search_path=\"x\\ y\",z", " \t-c\na.b=c ", "-s -c a.b=c",
        "-fsfh -t pa -te"}) {
    const auto connection = connect(server, text);
    const auto settings = pg::wire::parse_options(text);
    const auto taken = PQstatus(connection.get()) == CONNECTION_OK;
    ASSERT_EQ(settings.has_value(), taken) << text << PQerrorMessage(connection.get());
    if (!settings) continue;
    std::map<std::string, std::string> last;
    for (const auto& [name, value] : *settings) last[name] = value;
    const std::map<std::string, std::string> spelled = {
        {"false", "off"}, {"true", "on"}, {"64", "64kB"}, {"euro", "ISO, DMY"}};
    for (const auto& [name, value] : last)
      EXPECT_EQ(shown(connection.get(), name), spelled.contains(value) ? spelled.at(value) : value)
          << text;
  }
}

TEST_P(OptionsLive, are_refused_where_the_server_refuses_them) {
  // Goal: hazard 5: what is no switch, or has no value, is a syntax error to both.
  PostgresServer server(options());
  for (const std::string text :
       {"-c", "-c work_mem", "--work_mem", "a.b=1", "-", "--", "-- -c a.b=c", "-x", "-fx", "-t x",
        "-c a.b=c c", "-c a.b=c -- ", "-S", "\\", "-c a.b=c \\", "-t p"}) {
    const auto connection = connect(server, text);
    EXPECT_EQ(pg::wire::parse_options(text).has_value(),
              PQstatus(connection.get()) == CONNECTION_OK)
        << text << ": " << PQerrorMessage(connection.get());
  }
}

}  // namespace
}  // namespace pgkeel::test
