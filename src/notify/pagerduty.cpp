// PagerDuty's Events API v2: one alert an incident, known by its dedup_key, so that reminders do
// not ring twice, "acknowledged" stops the ringing and "resolved" ends it.
// https://developer.pagerduty.com/docs/send-alert-event
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "incident/text.hpp"
#include "notify/channel.hpp"

namespace pgkeel::notify {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kPagerDuty = "https://events.pagerduty.com";
constexpr std::size_t kSummaryBytesMax = 1024;  // the API's limit
constexpr std::size_t kDedupKeyBytesMax = 255;  // likewise
constexpr std::size_t kDetailsBytesMax = 8192;  // far below the 512 kB of an event

std::string_view action_of(const Notice& notice) {
  if (notice.resolved()) return "resolve";
  return notice.reason == Reason::Acknowledged ? "acknowledge" : "trigger";
}

class PagerDuty final : public Channel {
 public:
  explicit PagerDuty(const ChannelOptions& options) : options_(options) {
    if (options_.api_url.empty()) options_.api_url = kPagerDuty;
    while (options_.api_url.ends_with('/')) options_.api_url.pop_back();
  }

  [[nodiscard]] Result<runtime::WebRequest> request(const Notice& notice, const Origin& origin,
                                                    WallTime now) const override {
    TRY(routing_key, read_token(options_.token_file));
    Json event = {{"routing_key", routing_key},
                  {"event_action", action_of(notice)},
                  {"dedup_key", dedup_key(notice, origin)}};
    if (action_of(notice) == "trigger") event["payload"] = payload(notice, origin, now);
    runtime::WebRequest request;
    request.method = "POST";
    request.url = options_.api_url + "/v2/enqueue";
    request.headers = {{"Content-Type", "application/json"}};
    request.body = event.dump(-1, ' ', false, Json::error_handler_t::replace);
    return request;
  }

 private:
  static std::string dedup_key(const Notice& notice, const Origin& origin) {
    const auto* id = notice.incident.empty() ? "test" : notice.incident.c_str();
    return incident::cut_at_character(fmt::format("pgkeel/{}/{}", id, origin.host),
                                      kDedupKeyBytesMax);
  }

  static Json payload(const Notice& notice, const Origin& origin, WallTime now) {
    const auto summary = fmt::format("{}: {}", headline(notice), notice.summary);
    return {
        {"summary", incident::cut_at_character(incident::one_line(summary), kSummaryBytesMax)},
        {"source", origin.host},
        {"severity", to_string(notice.severity)},
        {"timestamp", to_iso8601(notice.opened_at)},
        {"component", origin.instance},
        {"group", notice.subject},
        {"class", notice.cause},
        {"custom_details",
         {{"incident", notice.incident},
          {"reason", to_string(notice.reason)},
          {"next", notice.command},
          {"bundle", bundle_words(notice, origin)},
          {"text", incident::cut_at_character(text_of(notice, origin, now), kDetailsBytesMax)}}}};
  }

  ChannelOptions options_;
};

}  // namespace

std::unique_ptr<Channel> make_pagerduty(const ChannelOptions& options) {
  return std::make_unique<PagerDuty>(options);
}

}  // namespace pgkeel::notify
