// /proc is the kernel's, but names in it (mount points, commands) are anybody's. Goal: nothing
// crashes the readers, and a mount they find holds the path it was found for.
#include "runtime/proc_text.hpp"

#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "runtime/host_text.hpp"
#include "runtime/mount_table.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace pgkeel::runtime;
  const auto text = pgkeel::test::text_of(bytes, size);
  const auto mounts = parse_mountinfo(text);
  if (const auto* mount = find_mount(mounts, "/srv/pg/main"))
    CHECK(std::string_view("/srv/pg/main").starts_with(mount->mount_point));
  for (const auto& socket : parse_listeners(text, 5432)) CHECK(socket.address.ends_with(":5432"));
  for (const auto& argument : parse_cmdline(text)) CHECK(argument.size() <= size);
  static_cast<void>(parse_proc_stat(text, 4096));
  static_cast<void>(parse_proc_io(text));
  static_cast<void>(find_lock_holder(text, 1048));
  static_cast<void>(parse_meminfo(text));
  static_cast<void>(parse_pressure(text));
  static_cast<void>(parse_memory_limit(text));
  static_cast<void>(parse_process_limit(text, "Max open files"));
  if (const auto group = parse_memory_group(text)) CHECK(group->path.starts_with('/'));
  static_cast<void>(find_memory_mount(text, true));
  return 0;
}
