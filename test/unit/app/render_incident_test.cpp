// The list of incidents.
#include <gmock/gmock.h>

#include "app/render.hpp"

namespace pgkeel::app {
namespace {

using testing::HasSubstr;

Json dropped() {
  return *parse_json(R"({"id":"2026-11-21-003","opened_at":"2026-11-21T12:00:00.100Z",
    "closed_at":null,"detected_ms":180,"cause":"table_dropped","confidence":0.98,
    "subject":"shop.public.orders","severity":"critical","summary":"orders was dropped",
    "recovered_ms":2900,"rows_lost":41,"loss":["all 41 rows of shop.public.orders"],
    "verified":["login","tables"],"state":"watching"})");
}

TEST(IncidentList, ListsOneALine) {
  // Goal: the list has one line each, under headings.
  const auto now = *parse_iso8601("2026-11-21T13:00:00Z");
  const auto text = render_incident_list(Json::array({dropped()}), {.width = 120}, now);
  EXPECT_EQ(std::ranges::count(text, '\n'), 2);
  EXPECT_THAT(text, HasSubstr("2026-11-21-003  59 min 59 s ago  watching  table_dropped  180 ms"));
  EXPECT_EQ(render_incident_list(Json::array(), {}, now), "No incident is on record.\n");
}

}  // namespace
}  // namespace pgkeel::app
