// See replay.hpp.
#include "app/replay.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "app/render.hpp"

namespace pgkeel::app {
namespace {

using Named = std::pair<std::string, std::string>;  // cause and subject

std::string describe(const Named& named) {
  return named.second == diagnose::kInstanceSubject
             ? named.first
             : fmt::format("{} of {}", named.first, named.second);
}

Json line_of(const diagnose::Finding& finding, const diagnose::Scrub& scrub) {
  return {{"cause", diagnose::cause_info(finding.cause).name},
          {"subject", scrub(finding.subject)},
          {"confidence", finding.confidence}};
}

std::string unchanged(std::string text) { return text; }

Json ranking_of(const diagnose::Moment& moment) {
  Json ranking = Json::array();
  for (const auto& finding : diagnose::diagnose(moment.as_case())) {
    auto line = line_of(finding, unchanged);
    line["summary"] = finding.summary;
    auto& evidence = line["evidence"] = Json::array();
    for (const auto& item : finding.evidence)
      evidence.push_back({{"source", item.source}, {"text", item.text}});
    ranking.push_back(std::move(line));
  }
  return ranking;
}

std::vector<Named> names_in(const Json& ranking) {
  std::vector<Named> names;
  if (!ranking.is_array()) return names;
  for (const auto& line : ranking)
    names.emplace_back(text_of(line, "cause"), text_of(line, "subject"));
  return names;
}

bool holds(const std::vector<Named>& names, const Named& one) {
  return std::ranges::find(names, one) != names.end();
}

// In words; nothing when today's rules say the same in the same order.
Json differences(const Named& incident, const std::vector<Named>& then,
                 const std::vector<Named>& today) {
  Json words = Json::array();
  if (!holds(today, incident))
    words.push_back(fmt::format("{}, the incident's cause, is not named", describe(incident)));
  for (const auto& named : then)
    if (named != incident && !holds(today, named))
      words.push_back(fmt::format("{} is not named any more", describe(named)));
  for (const auto& named : today)
    if (named != incident && !holds(then, named))
      words.push_back(fmt::format("{} is named besides", describe(named)));
  if (words.empty() && then != today)
    words.push_back(today.empty() ? std::string("nothing is named")
                                  : fmt::format("{} is first now", describe(today.front())));
  return words;
}

Result<Json> replay_one(const Json& kept) {
  const Named incident{text_of(kept, "cause"), text_of(kept, "subject")};
  Json told = {
      {"at", text_of(kept, "at")}, {"cause", incident.first}, {"subject", incident.second}};
  if (const auto why = text_of(kept, "why"); !why.empty()) {
    told["agrees"] = nullptr;
    told["differs"] = Json::array();
    told["ranking"] = Json::array();
    told["why"] = why;
    return told;
  }
  TRY(moment, diagnose::moment_from_json(member(kept, "moment")));
  auto ranking = ranking_of(moment);
  auto words = differences(incident, names_in(member(kept, "ranking")), names_in(ranking));
  told["agrees"] = words.empty();
  told["differs"] = std::move(words);
  told["ranking"] = std::move(ranking);
  return told;
}

void add_ranking(Sheet& sheet, const Json& moment, const Look& look) {
  int place = 0;
  for (const auto& line : member(moment, "ranking")) {
    const Named named{text_of(line, "cause"), text_of(line, "subject")};
    const auto share = static_cast<int>(100 * ratio_of(line, "confidence").value_or(0) + 0.5);
    sheet.block(fmt::format("{}", ++place),
                fmt::format("{}, {} %: {}", look.paint(Tone::Strong, describe(named)), share,
                            text_of(line, "summary")));
    for (const auto& item : member(line, "evidence"))
      sheet.line(fmt::format("- {}: {}", text_of(item, "source"), text_of(item, "text")));
  }
}

}  // namespace

Json kept_moment(diagnose::Moment moment, std::string_view cause, std::string_view subject,
                 const diagnose::Scrub& scrub) {
  Json kept = {{"at", to_iso8601(moment.wall)},
               {"cause", cause},
               {"subject", scrub(std::string(subject))},
               {"ranking", Json::array()}};
  const auto fits = [](const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace).size() <= kMomentBytesMax;
  };
  for (const auto& finding : diagnose::diagnose(moment.as_case()))
    kept["ranking"].push_back(line_of(finding, scrub));
  auto json = diagnose::moment_to_json(moment, scrub);
  if (!fits(json)) {
    diagnose::thin_out(moment);
    json = diagnose::moment_to_json(moment, scrub);
  }
  if (fits(json)) kept["moment"] = std::move(json);
  else kept["why"] = fmt::format("it is larger than {}", format_size(kMomentBytesMax));
  return kept;
}

void add_moment(Json& evidence, Json kept) {
  auto& moments = evidence["moments"];
  if (!moments.is_array()) moments = Json::array();
  moments.push_back(std::move(kept));
  while (moments.size() > kMomentsKept) moments.erase(moments.begin() + 1);
}

Result<Json> replay(const Json& evidence) {
  const auto& moments = member(evidence, "moments");
  if (!moments.is_array() || moments.empty()) {
    return fail(Error(ErrorCode::NotFound, "the evidence holds no moment to diagnose again")
                    .with_hint("Guards before this feature, and those without room on the disk of "
                               "state_dir, kept none."));
  }
  Json told = Json::array();
  bool agrees = true;
  for (const auto& kept : moments) {
    TRY(one, replay_one(kept));
    if (one["agrees"].is_boolean() && !one["agrees"].get<bool>()) agrees = false;
    told.push_back(std::move(one));
  }
  return Json{{"incident", text_of(evidence, "incident")},
              {"agrees", agrees},
              {"moments", std::move(told)}};
}

std::string render_replay(const Json& replayed, const Look& look) {
  Sheet sheet(look);
  sheet.block("Incident", text_of(replayed, "incident"));
  for (const auto& moment : member(replayed, "moments")) {
    sheet.blank();
    sheet.block("Seen", text_of(moment, "at"));
    sheet.block("Named", describe({text_of(moment, "cause"), text_of(moment, "subject")}));
    if (const auto why = text_of(moment, "why"); !why.empty()) {
      sheet.block("Today", "cannot be said, the moment was not kept: " + why);
      continue;
    }
    const auto& words = member(moment, "differs");
    if (flag_of(moment, "agrees")) sheet.block("Today", look.paint(Tone::Good, "the same"));
    else sheet.block("Today", look.paint(Tone::Warn, "not the same"));
    for (const auto& word : words)
      if (word.is_string()) sheet.line(printable(word.get<std::string>()));
    add_ranking(sheet, moment, look);
  }
  return sheet.take();
}

}  // namespace pgkeel::app
