// pgkeel alert test: one message through each channel, now, from this process. Needs no guard.
#include <algorithm>

#include <fmt/format.h>

#include "app/commands/commands.hpp"
#include "app/guard/alerting.hpp"
#include "app/json_read.hpp"
#include "instance/instance.hpp"

namespace pgkeel::app {
namespace {

struct Tried {
  std::string name;
  std::string kind;
  bool skipped = false;
  bool ok = false;
  std::string words{};
  Millis took{0};
};

// What the guard would call the instance, without looking at it.
std::string instance_words(const InstanceConfig& instance) {
  const auto& place = !instance.container.empty() ? instance.container
                      : !instance.unit.empty()    ? instance.unit
                                                  : instance.data_dir.string();
  return fmt::format("{} {}", instance::to_string(instance.kind), place);
}

runtime::Task<notify::Outcome> try_one(runtime::WebClient* client,
                                       const notify::ChannelOptions* channel,
                                       notify::Origin origin) {
  const auto* kind = notify::channel_kind(channel->kind);
  const auto made = kind->make(*channel);
  auto outcome = co_await notify::send_notice(
      client, made.get(), notify::test_notice(channel->name, notify::Reason::Test, wall_now()),
      origin);
  const bool stays = kind->remembers == notify::Remembers::Yes;
  if (stays && outcome.verdict == notify::Verdict::Delivered)
    outcome = co_await notify::send_notice(
        client, made.get(),
        notify::test_notice(channel->name, notify::Reason::Resolved, wall_now()), origin);
  co_return outcome;
}

runtime::Task<std::vector<Tried>> try_all(runtime::Loop* loop,
                                          std::vector<notify::ChannelOptions> channels,
                                          notify::Origin origin) {
  runtime::WebClient client(*loop);
  std::vector<Tried> all;
  for (const auto& channel : channels) {
    const auto begun = loop->now();
    auto outcome = co_await try_one(&client, &channel, origin);
    Tried tried{channel.name, channel.kind};
    tried.ok = outcome.verdict == notify::Verdict::Delivered;
    tried.words = std::move(outcome.words);
    tried.took = std::chrono::duration_cast<Millis>(loop->now() - begun);
    all.push_back(std::move(tried));
  }
  co_return all;
}

Result<std::vector<notify::ChannelOptions>> chosen(const notify::AlertsOptions& options,
                                                   const std::optional<std::string>& name) {
  if (options.channels.empty()) {
    return fail(Error(ErrorCode::NotFound, "no [[alert]] table is configured")
                    .with_hint("docs/guide/alerts.md shows how to add a channel."));
  }
  if (!name) return options.channels;
  const auto found = std::ranges::find(options.channels, *name, &notify::ChannelOptions::name);
  if (found != options.channels.end()) return std::vector{*found};
  std::string names;
  for (const auto& channel : options.channels) names += (names.empty() ? "" : ", ") + channel.name;
  return fail(Error(ErrorCode::Usage, fmt::format("there is no channel '{}'", *name))
                  .with_hint(fmt::format("Channels are: {}.", names)));
}

std::string verdict_of(const Tried& tried) {
  if (tried.skipped) return "skipped: a ping would say that all is well; name it to send one";
  return tried.ok ? fmt::format("ok ({})", humane_duration(tried.took)) : "FAILED: " + tried.words;
}

void print_tried(const std::vector<Tried>& all, bool json) {
  Json list = Json::array();
  for (const auto& tried : all) {
    list.push_back({{"name", tried.name},
                    {"kind", tried.kind},
                    {"ok", tried.ok},
                    {"skipped", tried.skipped},
                    {"words", tried.words},
                    {"took_ms", tried.took.count()}});
    if (!json) fmt::print("{:<12} {}\n", tried.name, verdict_of(tried));
  }
  if (json) fmt::print("{}", to_line({{"channels", list}}));
}

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  auto options = alerts_options(config, instance_words(config.instance));
  const auto name = invocation.value("CHANNEL");
  TRY(channels, chosen(options, name));
  std::vector<Tried> skipped;
  if (!name) {
    const auto is_deadman = [](const notify::ChannelOptions& channel) {
      return channel.kind == notify::kDeadmanKind;
    };
    for (const auto& channel : channels)
      if (is_deadman(channel)) skipped.push_back({channel.name, channel.kind, true});
    std::erase_if(channels, is_deadman);
  }
  runtime::Loop loop;
  auto tried = loop.run_until_complete(try_all(&loop, std::move(channels), options.origin));
  const bool all_ok = std::ranges::all_of(tried, &Tried::ok);
  std::ranges::move(skipped, std::back_inserter(tried));
  print_tried(tried, invocation.global.json);
  return all_ok ? 0 : 1;
}

}  // namespace

CommandSpec alert_test_command() {
  return {.name = "alert test",
          .summary = "send a test message through one channel, or all of them",
          .details =
              "Reads the configuration and sends from this process; a guard need not run. "
              "Says ok or the other side's words for each channel; exit code 1 when one "
              "failed.",
          .example = "pgkeel alert test telegram",
          .arguments = {{.names = "CHANNEL", .help = "its name, or its kind; all when left out"}},
          .run = run};
}

}  // namespace pgkeel::app
