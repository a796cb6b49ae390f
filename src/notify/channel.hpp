// A channel: what turns a notice into a message of some service and reads the answer. A new one is
// one file with a Channel, one line in channel.cpp's table.
// It refuses to let its secrets out: neither errors nor words ever hold a token or a URL's path.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "notify/delivery.hpp"
#include "notify/notice.hpp"

namespace pgkeel::notify {

/// One [[alert]] table.
struct ChannelOptions {
  std::string name;  ///< unique; as [escalate] and `pgkeel alert test` call it
  std::string kind;  ///< webhook, telegram, pagerduty, email, deadman
  std::string url;   ///< webhook, deadman
  /// telegram; of a webhook its bearer token, of pagerduty the routing key, of email the password
  std::filesystem::path token_file;
  std::string chat_id;  ///< telegram
  std::string api_url;  ///< telegram, pagerduty: another server than the service's own
  std::string server;   ///< email: smtp://host:port or smtps://host:port
  std::string from;     ///< email
  std::string to;       ///< email
  std::string user;     ///< email; empty: no login
  incident::Severity least = incident::Severity::Warning;
  Millis repeat_every{Seconds(4 * 3600)};
  Millis interval{60'000};  ///< deadman
};

class Channel {
 public:
  virtual ~Channel() = default;
  /// The request that carries the notice. Reads the token's file each time, so that a token can be
  /// replaced while the guard runs.
  [[nodiscard]] virtual Result<runtime::WebRequest> request(const Notice& notice,
                                                            const Origin& origin,
                                                            WallTime now) const = 0;
  [[nodiscard]] virtual Outcome judge(const runtime::WebAnswer& answer, WallTime now) const {
    return judge_http(answer, now);
  }
};

/// Whether the other side keeps an alert until it is told that it is over.
enum class Remembers { No, Yes };

struct ChannelKind {
  std::string_view name;
  Remembers remembers;
  std::string_view needs;  ///< keys without which it cannot be, separated by spaces
  std::unique_ptr<Channel> (*make)(const ChannelOptions& options);
};
[[nodiscard]] std::span<const ChannelKind> channel_kinds();
[[nodiscard]] const ChannelKind* channel_kind(std::string_view name);

/// Always there and no [[alert]] table: a line in the guard's log.
inline constexpr std::string_view kLogChannel = "log";
/// No channel for notices: it hears only that all is well.
inline constexpr std::string_view kDeadmanKind = "deadman";

/// "NAME:ADDRESS" in [escalate] is an address of a channel of this kind.
inline constexpr std::string_view kEmailKind = "email";

/// Composes, sends, judges. One attempt.
runtime::Task<Outcome> send_notice(runtime::WebClient* client, const Channel* channel,
                                   Notice notice, Origin origin);

/// The first line of a file that holds a token. Bounded; a token with spaces or control characters
/// is Malformed.
[[nodiscard]] Result<std::string> read_token(const std::filesystem::path& file);

// One file each.
[[nodiscard]] std::unique_ptr<Channel> make_webhook(const ChannelOptions& options);
[[nodiscard]] std::unique_ptr<Channel> make_telegram(const ChannelOptions& options);
[[nodiscard]] std::unique_ptr<Channel> make_pagerduty(const ChannelOptions& options);
[[nodiscard]] std::unique_ptr<Channel> make_email(const ChannelOptions& options);
[[nodiscard]] std::unique_ptr<Channel> make_deadman(const ChannelOptions& options);

}  // namespace pgkeel::notify
