// See json.hpp. Reading goes through Fields, which remembers the first thing that is wrong instead
// of throwing, so that a reader asks once at the end.
#include "incident/json.hpp"

#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "incident/words.hpp"

namespace pgkeel::incident {
namespace {

using Json = nlohmann::ordered_json;

Json or_null(const std::optional<WallTime>& time) {
  return time ? Json(to_iso8601(*time)) : Json();
}
Json or_null(const std::optional<Millis>& span) { return span ? Json(span->count()) : Json(); }

template <class Rows, class Make>
Json array_of(const Rows& rows, Make make) {
  auto array = Json::array();
  for (const auto& row : rows) array.push_back(make(row));
  return array;
}

Json evidence_json(const Evidence& evidence) {
  return {{"at", to_iso8601(evidence.at)}, {"source", evidence.source}, {"text", evidence.text}};
}

Json action_json(const Action& action) {
  return {{"id", action.id},
          {"playbook", action.playbook},
          {"step", action.step},
          {"detail", action.detail},
          {"started_at", to_iso8601(action.started_at)},
          {"ended_at", or_null(action.ended_at)},
          {"outcome", to_string(action.outcome)},
          {"note", action.note}};
}

Json check_json(const Verification& verification) {
  return {{"at", to_iso8601(verification.at)},
          {"check", verification.check},
          {"passed", verification.passed},
          {"note", verification.note}};
}

Json event_json(const Event& event) { return {{"at", to_iso8601(event.at)}, {"text", event.text}}; }

// A check made twice counts as it ended.
Json passed_checks(const std::vector<Verification>& verified) {
  std::map<std::string_view, bool> last;
  for (const auto& verification : verified) last[verification.check] = verification.passed;
  auto names = Json::array();
  for (const auto& verification : verified)
    if (const auto entry = last.extract(verification.check); entry && entry.mapped())
      names.push_back(verification.check);
  return names;
}

class Fields {
 public:
  Fields(const Json& object, std::string& wrong) : object_(object), wrong_(wrong) {
    if (!object.is_object()) note("an object is expected");
  }

  std::string text(const char* key) {
    const auto* value = find(key);
    if (value == nullptr) return {};
    if (const auto* string = value->get_ptr<const std::string*>()) return *string;
    return note(key), std::string();
  }
  std::optional<std::int64_t> integer(const char* key) {
    const auto* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (value->is_number_integer()) return value->get<std::int64_t>();
    return note(key), std::nullopt;
  }
  double real(const char* key) {
    const auto* value = find(key);
    if (value == nullptr) return 0;
    if (value->is_number()) return value->get<double>();
    return note(key), 0;
  }
  bool flag(const char* key) {
    const auto* value = find(key);
    if (value == nullptr) return false;
    if (value->is_boolean()) return value->get<bool>();
    return note(key), false;
  }
  std::optional<Millis> span(const char* key) {
    const auto number = integer(key);
    if (!number) return std::nullopt;
    return Millis(*number);
  }
  std::optional<WallTime> optional_time(const char* key) {
    const auto written = text(key);
    if (written.empty()) return std::nullopt;
    const auto time = parse_iso8601(written);
    if (!time) note(key);
    return time ? std::optional(*time) : std::nullopt;
  }
  WallTime time(const char* key) { return optional_time(key).value_or(WallTime{}); }
  /// An absent word is `absent`.
  template <class Value>
  Value word(const char* key, Result<Value> (*parse)(std::string_view), Value absent) {
    const auto written = text(key);
    if (written.empty()) return absent;
    const auto value = parse(written);
    if (!value) note(key);
    return value.value_or(absent);
  }
  template <class Make>
  auto list(const char* key, Make make)
      -> std::vector<decltype(make(std::declval<const Json&>()))> {
    std::vector<decltype(make(std::declval<const Json&>()))> made;
    const auto* value = find(key);
    if (value == nullptr) return made;
    if (!value->is_array()) return note(key), made;
    for (const auto& item : *value) made.push_back(make(item));
    return made;
  }

 private:
  // Null and absent are the same.
  const Json* find(const char* key) const {
    if (!object_.is_object()) return nullptr;
    const auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  void note(std::string_view what) {
    if (wrong_.empty()) wrong_ = what;
  }

  const Json& object_;
  std::string& wrong_;
};

Evidence evidence_from(Fields fields) {
  return {fields.time("at"), fields.text("source"), fields.text("text")};
}

Action action_from(Fields fields) {
  return {.id = fields.integer("id").value_or(0),
          .playbook = fields.text("playbook"),
          .step = fields.text("step"),
          .detail = fields.text("detail"),
          .started_at = fields.time("started_at"),
          .ended_at = fields.optional_time("ended_at"),
          .outcome = fields.word("outcome", parse_action_outcome, ActionOutcome::Pending),
          .note = fields.text("note")};
}

Verification check_from(Fields fields) {
  return {fields.time("at"), fields.text("check"), fields.flag("passed"), fields.text("note")};
}

Event event_from(Fields fields) { return {fields.time("at"), fields.text("text")}; }

std::string string_from(const Json& json, std::string& wrong) {
  if (const auto* string = json.get_ptr<const std::string*>()) return *string;
  if (wrong.empty()) wrong = "a text is expected in a list";
  return {};
}

}  // namespace

Json line_to_json(const Incident& incident) {
  return {{"id", incident.id},
          {"opened_at", to_iso8601(incident.opened_at)},
          {"closed_at", or_null(incident.closed_at)},
          {"detected_ms", or_null(incident.detected)},
          {"cause", incident.cause},
          {"confidence", incident.confidence},
          {"subject", incident.subject},
          {"severity", to_string(incident.severity)},
          {"summary", incident.summary},
          {"recovered_ms", or_null(incident.recovered)},
          {"rows_lost", incident.rows_lost ? Json(*incident.rows_lost) : Json()},
          {"loss", incident.loss},
          {"acked_at", or_null(incident.acked_at)},
          {"acked_by", incident.acked_by.empty() ? Json() : Json(incident.acked_by)},
          {"state", to_string(incident.state)}};
}

Json to_json(const Incident& incident) {
  auto json = line_to_json(incident);
  json["evidence"] = array_of(incident.evidence, evidence_json);
  json["actions"] = array_of(incident.actions, action_json);
  json["verified"] = passed_checks(incident.verified);
  json["checks"] = array_of(incident.verified, check_json);
  json["events"] = array_of(incident.events, event_json);
  return json;
}

Result<Incident> incident_from_json(const Json& json) {
  std::string wrong;
  Fields fields(json, wrong);
  const auto each = [&wrong](auto from) {
    return [&wrong, from](const Json& item) { return from(Fields(item, wrong)); };
  };
  Incident incident{
      .id = fields.text("id"),
      .opened_at = fields.time("opened_at"),
      .closed_at = fields.optional_time("closed_at"),
      .detected = fields.span("detected_ms"),
      .recovered = fields.span("recovered_ms"),
      .cause = fields.text("cause"),
      .confidence = fields.real("confidence"),
      .subject = fields.text("subject"),
      .severity = fields.word("severity", parse_severity, Severity::Critical),
      .state = fields.word("state", parse_incident_state, IncidentState::Open),
      .summary = fields.text("summary"),
      .loss = fields.list("loss", [&](const Json& item) { return string_from(item, wrong); }),
      .rows_lost = fields.integer("rows_lost"),
      .acked_at = fields.optional_time("acked_at"),
      .acked_by = fields.text("acked_by"),
      .evidence = fields.list("evidence", each(evidence_from)),
      .actions = fields.list("actions", each(action_from)),
      .verified = fields.list("checks", each(check_from)),
      .events = fields.list("events", each(event_from)),
  };
  // Only names, from somebody who writes the contract's bare shape.
  if (incident.verified.empty()) {
    for (auto& name : fields.list("verified", [&](const Json& i) { return string_from(i, wrong); }))
      incident.verified.push_back({incident.opened_at, std::move(name), true, ""});
  }
  if (incident.id.empty() && wrong.empty()) wrong = "id";
  if (!wrong.empty()) return fail(ErrorCode::Malformed, fmt::format("incident: bad '{}'", wrong));
  return incident;
}

Result<Incident> parse_incident(std::string_view text) {
  const auto json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return fail(ErrorCode::Malformed, "incident: not JSON");
  return incident_from_json(json);
}

}  // namespace pgkeel::incident
