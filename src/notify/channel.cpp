// The table of channels, and what all of them share.
#include "notify/channel.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "runtime/files.hpp"

namespace pgkeel::notify {
namespace {

constexpr std::size_t kTokenBytesMax = 4096;

constexpr auto kKinds = std::to_array<ChannelKind>({
    {"webhook", Remembers::Yes, "url", make_webhook},
    {"telegram", Remembers::No, "token_file chat_id", make_telegram},
    {"pagerduty", Remembers::Yes, "token_file", make_pagerduty},
    {kEmailKind, Remembers::No, "server from", make_email},
    {kDeadmanKind, Remembers::No, "url", make_deadman},
});

bool is_token_char(char c) { return c > ' ' && c < 0x7f; }

}  // namespace

std::span<const ChannelKind> channel_kinds() { return kKinds; }

const ChannelKind* channel_kind(std::string_view name) {
  const auto* found = std::ranges::find(kKinds, name, &ChannelKind::name);
  return found == kKinds.end() ? nullptr : found;
}

Result<std::string> read_token(const std::filesystem::path& file) {
  TRY(text, runtime::read_file(file, kTokenBytesMax));
  auto token = text.substr(0, text.find('\n'));
  if (!token.empty() && token.back() == '\r') token.pop_back();
  if (token.empty() || !std::ranges::all_of(token, is_token_char))
    return fail(Error(ErrorCode::Malformed, fmt::format("{} holds no token", file.string()))
                    .with_hint("Write the token alone on the first line of that file."));
  return token;
}

runtime::Task<Outcome> send_notice(runtime::WebClient* client, const Channel* channel,
                                   Notice notice, Origin origin) {
  auto request = channel->request(notice, origin, wall_now());
  if (!request) co_return unanswered(request.error());
  const auto answer = co_await client->send(std::move(*request));
  if (!answer) co_return unanswered(answer.error());
  co_return channel->judge(*answer, wall_now());
}

}  // namespace pgkeel::notify
