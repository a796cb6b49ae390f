// Alertmanager's webhook, version 4: the one format every receiver of alerts already reads.
// One alert a message. An alert is known by its fingerprint, which is made of what does not change
// while the incident lasts (not of cause or severity), so that "resolved" meets its "firing".
// https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "notify/channel.hpp"

namespace pgkeel::notify {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kAlertName = "PgkeelIncident";
constexpr std::string_view kNotEnded = "0001-01-01T00:00:00Z";  // Go's zero time

// FNV-1a, as Prometheus makes fingerprints of label sets.
std::string fingerprint(std::initializer_list<std::string_view> parts) {
  std::uint64_t hash = 14695981039346656037U;
  for (const auto part : parts) {
    for (const char c : part) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
    hash = (hash ^ 0xffU) * 1099511628211U;
  }
  return fmt::format("{:016x}", hash);
}

Json labels_of(const Notice& notice, const Origin& origin) {
  return {{"alertname", kAlertName},     {"cause", notice.cause},
          {"host", origin.host},         {"incident", notice.incident},
          {"instance", origin.instance}, {"severity", to_string(notice.severity)},
          {"subject", notice.subject}};
}

Json annotations_of(const Notice& notice, const Origin& origin, WallTime now) {
  return {{"summary", notice.summary},
          {"description", text_of(notice, origin, now)},
          {"reason", to_string(notice.reason)},
          {"next", notice.command},
          {"bundle", bundle_words(notice, origin)}};
}

class Webhook final : public Channel {
 public:
  explicit Webhook(const ChannelOptions& options) : options_(options) {}

  [[nodiscard]] Result<runtime::WebRequest> request(const Notice& notice, const Origin& origin,
                                                    WallTime now) const override {
    runtime::WebRequest request;
    request.method = "POST";
    request.url = options_.url;
    request.headers = {{"Content-Type", "application/json"}};
    if (!options_.token_file.empty()) {
      TRY(token, read_token(options_.token_file));
      request.headers.emplace_back("Authorization", "Bearer " + token);
    }
    request.body =
        payload(notice, origin, now).dump(-1, ' ', false, Json::error_handler_t::replace);
    return request;
  }

 private:
  [[nodiscard]] Json payload(const Notice& notice, const Origin& origin, WallTime now) const {
    const bool over = notice.resolved();
    const auto* status = over ? "resolved" : "firing";
    const auto labels = labels_of(notice, origin);
    const auto annotations = annotations_of(notice, origin, now);
    const auto ended = notice.ended_at ? to_iso8601(*notice.ended_at) : std::string(kNotEnded);
    const Json alert = {{"status", status},
                        {"labels", labels},
                        {"annotations", annotations},
                        {"startsAt", to_iso8601(notice.opened_at)},
                        {"endsAt", over ? ended : std::string(kNotEnded)},
                        {"generatorURL", ""},
                        {"fingerprint", fingerprint({kAlertName, origin.host, origin.instance,
                                                     notice.incident, notice.subject})}};
    return {{"version", "4"},
            {"groupKey", fmt::format("{{}}:{{incident=\"{}\"}}", notice.incident)},
            {"truncatedAlerts", 0},
            {"status", status},
            {"receiver", notice.channel},
            {"groupLabels", {{"incident", notice.incident}}},
            {"commonLabels", labels},
            {"commonAnnotations", annotations},
            {"externalURL", ""},
            {"alerts", Json::array({alert})}};
  }

  ChannelOptions options_;
};

}  // namespace

std::unique_ptr<Channel> make_webhook(const ChannelOptions& options) {
  return std::make_unique<Webhook>(options);
}

}  // namespace pgkeel::notify
