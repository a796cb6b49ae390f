// Any text as a container engine's answers: read or refused, and what is read leads nowhere odd.
#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "instance/engine_model.hpp"

using namespace pgkeel;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  const auto text = test::text_of(input, size);
  if (const auto container = instance::parse_container(text)) {
    CHECK(!container->id.empty());
    static_cast<void>(instance::data_dir_outside(*container));
    static_cast<void>(instance::engine_restarts(*container, container->exit_code));
  }
  static_cast<void>(instance::parse_container_list(text));
  static_cast<void>(instance::parse_volume_list(text));
  if (const auto event = instance::parse_event(text)) CHECK(!event->describe().empty());
  static_cast<void>(instance::parse_engine_message(text));
  CHECK(instance::strip_log_frames(text).size() <= size);
  return 0;
}
