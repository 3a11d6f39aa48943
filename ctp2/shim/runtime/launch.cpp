// `PYTHON -m ctp2 serve --private ADDRESS` says in one line on standard error where the address is served, or what is
// wrong; if nobody serves it yet, it does so itself from then on (ctp2/front/private.py). Here it is started, detached,
// with a file of its own as standard error, which is read until the line is there.
#include "launch.h"

#include "stamp.h"

namespace ctp2 {

namespace {

constexpr int MOST_PATH = 4096;
constexpr int FIRST_PAUSE_MS = 5, MOST_PAUSE_MS = 50;
constexpr char PYTHON_HINT[] = "set CTP2_PYTHON to a Python (3.11 or later) in which ctp2 is installed";

constexpr int MOST_NAMES = 10000;

// --- the file of the answer ------------------------------------------------------------------------------------------

// Make a folder and those above it.
bool make_folders(char* path) {
    for (char* at = path + 1; *at; at++) {
        if (*at != '/' && *at != '\\') continue;
        char kept = *at;
        *at = '\0';
        if (!sys::is_folder(path)) sys::make_folder(path);
        *at = kept;
    }
    return sys::make_folder(path);
}

bool is_there(const char* path) {
    sys::File file = sys::open_file(path, sys::FILE_READ);
    if (file == sys::NO_FILE) return false;
    sys::close_file(file);
    return true;
}

// Make an empty file, only for this user, that nobody else has.
bool make_answer(char* path, size_t size, Text& why) {
    if (!sys::runtime_folder(path, size)) {
        why.add("there is no folder for files of running programs: set CTP2_HOME to one");
        return false;
    }
    if (!make_folders(path)) {
        int error = sys::last_error();
        why.add("cannot make the folder ").add(path, size).add(" (");
        sys::error_text(error, why);
        why.add("): set CTP2_HOME to another");
        return false;
    }
    size_t folder = strlen(path);
    sys::File file = sys::NO_FILE;
    // A name may be taken: by another Api object, by another library of ours in this program, by an earlier process.
    for (int number = 1; file == sys::NO_FILE && number <= MOST_NAMES; number++) {
        Text name("/start-");
        name.add(static_cast<uint64_t>(sys::process_id())).add("-").add(number).add(".txt");
        if (!copy_text(path + folder, size - folder, name.data)) break;
        file = sys::open_file(path, sys::FILE_WRITE | sys::FILE_CREATE | sys::FILE_EXCLUSIVE);
        if (file == sys::NO_FILE && !is_there(path)) break;
    }
    if (file == sys::NO_FILE) {
        int error = sys::last_error();
        why.add("cannot write ").add(path, size).add(" (");
        sys::error_text(error, why);
        why.add(")");
        return false;
    }
    sys::close_file(file);
    return true;
}

size_t read_answer(const char* path, char* text, size_t size) {
    sys::File file = sys::open_file(path, sys::FILE_READ);
    if (file == sys::NO_FILE) return 0;
    long length = sys::read_file(file, 0, text, size - 1);
    sys::close_file(file);
    if (length < 0) length = 0;
    text[length] = '\0';
    return static_cast<size_t>(length);
}

// --- what it says ----------------------------------------------------------------------------------------------------

// The next whole line of `text`, without its end; nullptr when there is none. `text` moves behind it.
const char* next_line(char*& text) {
    char* end = strchr(text, '\n');
    if (!end) return nullptr;
    const char* line = text;
    text = end + 1;
    *end = '\0';
    if (end > line && end[-1] == '\r') end[-1] = '\0';
    return line;
}

// A number up to `most` and the blank behind it.
bool take_number(const char*& text, uint64_t most, uint64_t& out) {
    out = 0;
    const char* begin = text;
    for (; *text >= '0' && *text <= '9'; text++) {
        out = out * 10 + static_cast<uint64_t>(*text - '0');
        if (out > most) return false;
    }
    return text > begin && *text++ == ' ';
}

enum class Said { NOTHING, READY, WRONG };

// What one line says: `ready PID TRADE MD TOKEN`, an error of ours, or nothing that counts.
Said understand(const char* line, const Address& address, bool is_md, Launched& out, Text& why) {
    if (strncmp(line, "ctp2: ", 6) == 0) {
        why.add(line + 6, strlen(line + 6));
        return Said::WRONG;
    }
    if (strncmp(line, "ready ", 6) != 0) return Said::NOTHING;
    const char* rest = line + 6;
    uint64_t pid, ports[2];
    bool is_read = take_number(rest, INT64_MAX / 16, pid) && take_number(rest, 65535, ports[0]) &&
                   take_number(rest, 65535, ports[1]) && copy_text(out.token, sizeof out.token, rest);
    if (!is_read) return Said::NOTHING;
    out.port = static_cast<uint16_t>(ports[is_md ? 1 : 0]);
    copy_text(out.host, sizeof out.host, "127.0.0.1");
    if (out.port) return Said::READY;
    why.add(address.text).add(is_md ? ": it has no market data" : ": there is no trading").add(" there");
    return Said::WRONG;
}

Said read_on(const char* path, const Address& address, bool is_md, Launched& out, Text& last, Text& why) {
    constexpr size_t SIZE = 16384;
    char text[SIZE];
    if (!read_answer(path, text, sizeof text)) return Said::NOTHING;
    char* rest = text;
    while (const char* line = next_line(rest)) {
        Said said = understand(line, address, is_md, out, why);
        if (said != Said::NOTHING) return said;
        if (*line) last.clear().add(line, strlen(line));
    }
    if (*rest) last.clear().add(rest, strlen(rest));
    return Said::NOTHING;
}

// --- waiting for it --------------------------------------------------------------------------------------------------

bool await_answer(const char* path, int64_t pid, const char* python, const Address& address, bool is_md, Stop& stop,
                  int64_t deadline, Launched& out, Text& why) {
    for (int pause = FIRST_PAUSE_MS;; pause = pause < MOST_PAUSE_MS ? pause * 2 : MOST_PAUSE_MS) {
        // Asked before the file is read: what an ended process has written is all there.
        bool lives = sys::process_lives(pid);
        Text last;
        Said said = read_on(path, address, is_md, out, last, why);
        if (said == Said::READY) return true;
        if (said == Said::WRONG) return false;
        if (!lives) {
            why.add(address.text).add(": no server was started by ").add(python, MOST_PATH).add(": ");
            why.add(last.length ? last.data : "it said nothing").add(": ").add(PYTHON_HINT);
            return false;
        }
        if (sys::monotonic_ns() >= deadline) {
            why.add(address.text).add(": the server that ").add(python, MOST_PATH).add(" starts is not ready in time");
            if (last.length) why.add("; its last line: ").add(last.data);
            return false;
        }
        if (stop.pause(pause)) return false;
    }
}

// The interpreter that has ctp2.
bool find_python(char* out, int size) {
    return sys::environment("CTP2_PYTHON", out, static_cast<size_t>(size)) || stamped_python(out, size) > 0;
}

}  // namespace

bool launch(const Address& address, bool is_md, Stop& stop, int64_t deadline_ns, Launched& out, Text& why) {
    memset(&out, 0, sizeof out);
    char python[MOST_PATH];
    if (!find_python(python, sizeof python)) {
        why.add(address.text).add(": no Python is known that could serve it: ").add(PYTHON_HINT);
        return false;
    }
    char path[MOST_PATH];
    if (!make_answer(path, sizeof path, why)) return false;
    // -P: files of the program's folder must not take the place of Python's own modules.
    const char* arguments[] = {python, "-P", "-m", "ctp2", "serve", "--private", address.text, nullptr};
    int64_t pid = sys::start_process(arguments, nullptr, path);
    bool is_found = false;
    if (pid < 0) {
        int error = sys::last_error();
        why.add(address.text).add(": cannot run ").add(python, sizeof python).add(" (");
        sys::error_text(error, why);
        why.add("): ").add(PYTHON_HINT);
    } else {
        is_found = await_answer(path, pid, python, address, is_md, stop, deadline_ns, out, why);
    }
    sys::remove_file(path);
    return is_found;
}

}  // namespace ctp2
