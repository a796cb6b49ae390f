#include "incident/json.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "story.hpp"

namespace pgkeel::incident {
namespace {

using Json = nlohmann::ordered_json;
using testing::ElementsAre;

TEST(IncidentJson, HasTheContractsShape) {
  // Every member the contract names is there, under its name and with its type. D15
  const auto json = to_json(whole_incident());
  EXPECT_EQ(json["id"], "2026-11-21-003");
  EXPECT_EQ(json["opened_at"], "2026-11-21T03:04:05.000Z");
  EXPECT_EQ(json["detected_ms"], 12);
  EXPECT_EQ(json["cause"], "server_killed");
  EXPECT_DOUBLE_EQ(json["confidence"].get<double>(), 0.98);
  EXPECT_EQ(json["subject"], "instance");
  EXPECT_EQ(json["evidence"][0]["source"], "process");
  EXPECT_EQ(json["evidence"][0]["text"], "postmaster 4242 ended by signal 9");
  EXPECT_EQ(json["actions"][0]["step"], "start_server");
  EXPECT_EQ(json["actions"][0]["started_at"], "2026-11-21T03:04:05.015Z");
  EXPECT_EQ(json["actions"][0]["ended_at"], "2026-11-21T03:04:05.227Z");
  EXPECT_EQ(json["actions"][0]["outcome"], "done");
  EXPECT_EQ(json["recovered_ms"], 290);
  EXPECT_EQ(json["rows_lost"], 0);
  EXPECT_EQ(json["verified"], Json::array({"login", "write"}));
  EXPECT_EQ(json["state"], "closed");
}

TEST(IncidentJson, NamesOnlyChecksThatPassedInTheEnd) {
  // A check that passed first and failed later is not verified.
  auto incident = whole_incident();
  incident.verified.push_back({at(300), "write", false, ""});
  EXPECT_EQ(to_json(incident)["verified"], Json::array({"login"}));
}

TEST(IncidentJson, WhatIsNotKnownIsNull) {
  // Unknown is not zero.
  auto incident = sample_incident();
  incident.detected = std::nullopt;
  const auto json = to_json(incident);
  for (const auto* key : {"detected_ms", "recovered_ms", "rows_lost", "closed_at"})
    EXPECT_TRUE(json.at(key).is_null()) << key;
}

TEST(IncidentJson, TheLineHasNoParts) {
  // A list names what happened; evidence and the rest are asked for by id.
  const auto line = line_to_json(whole_incident());
  for (const auto* key : {"evidence", "actions", "verified", "checks", "events"})
    EXPECT_FALSE(line.contains(key)) << key;
  EXPECT_EQ(line["summary"], whole_incident().summary);
}

TEST(IncidentJson, ReadsBackWhatItWrote) {
  // Text to incident to text is the same text: nothing is lost on the way to the command line.
  for (const auto& incident : {whole_incident(), lossy_incident(), [] {
                                 auto bare = sample_incident();
                                 bare.id = "x";
                                 return bare;
                               }()}) {
    const auto text = to_json(incident).dump();
    const auto read = parse_incident(text);
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(to_json(*read).dump(), text);
    EXPECT_EQ(read->loss, incident.loss);
  }
}

TEST(IncidentJson, ReadsTheBareContract) {
  // The example of the contract itself, with names only where we write objects.
  const auto read = parse_incident(
      R"({"id":"2026-11-21-003","opened_at":"2026-11-21T03:04:05Z","detected_ms":180,)"
      R"("cause":"table_dropped","confidence":0.98,"subject":"shop.public.orders",)"
      R"("evidence":[{"source":"wal","text":"DROP by role app"}],)"
      R"("actions":[{"step":"undrop","started_at":"2026-11-21T03:04:06Z","ended_at":null,)"
      R"("outcome":"done"}],"recovered_ms":2900,"rows_lost":0,)"
      R"("verified":["row count","indexes"],"state":"closed"})");
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->recovered, Millis(2900));
  ASSERT_EQ(read->verified.size(), 2);
  EXPECT_EQ(read->verified[1].check, "indexes");
  EXPECT_TRUE(read->verified[1].passed);
}

TEST(IncidentJson, RefusesWhatIsNotAnIncident) {
  // Wrong types, times and words are an error that names the member, never a guess or a throw.
  for (const auto* text :
       {"", "[", "[]", "null", "3", "{}", R"({"id":3})", R"({"id":"a","opened_at":"noon"})",
        R"({"id":"a","state":"sleeping"})", R"({"id":"a","detected_ms":"1"})",
        R"({"id":"a","detected_ms":1.5})", R"({"id":"a","confidence":"sure"})",
        R"({"id":"a","evidence":{}})", R"({"id":"a","evidence":[3]})", R"({"id":"a","loss":[3]})",
        R"({"id":"a","actions":[{"outcome":"maybe"}]})", R"({"id":"a","checks":[{"passed":1}]})",
        R"({"id":"a","verified":[null]})"}) {
    const auto read = parse_incident(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, ErrorCode::Malformed);
  }
}

}  // namespace
}  // namespace pgkeel::incident
