/* vi: set sw=4 ts=4: */
/*
 * Attributes of a device in sysfs, and values as parts of names
 *
 * Copyright (C) 2026 mdevd for BusyBox maintainers
 *
 * Licensed under GPLv2, see file LICENSE in this source tree.
 */
#include "mdev_rules.h"

/* Is the value of the variable or /ATTR of that name unknown when the device is removed? The name may be
 * followed by "}". */
int FAST_FUNC mdev_value_is_transient(const char *name)
{
	return *name == '/' || is_prefixed_with(name, "ID_FS_")
		|| is_prefixed_with(name, "PARTUUID}") || strcmp(name, "PARTUUID") == 0;
}

/* Validates the %{NAME} in a PATH. Returns the fault, or NULL. dir_len: NULL, or for a link: set to the
 * bytes of its directory. No directory, and nothing in the PATH of "=" and ">", may depend on a transient
 * value. */
const char* FAST_FUNC mdev_value_check(const char *path, unsigned *dir_len)
{
	int transient = 0, in_directory = 0, literal = 0;
	const char *s;

	for (s = path; *s; s++) {
		if (*s == '/') {
			if (literal && dir_len)
				return "bad % in the directory of";
			in_directory = transient;
			if (dir_len)
				*dir_len = s + 1 - path;
		} else if (*s == '%' && s[1] == '{') {
			const char *name = s + 2;

			s = strchr(name, '}');
			if (!s || s == name + (*name == '/'))
				return "bad %{} in";
			if (ENABLE_MDEVD && !ENABLE_FEATURE_MDEVD_PROBE && is_prefixed_with(name, "ID_FS_"))
				return "FEATURE_MDEVD_PROBE is not built in:";
			transient |= mdev_value_is_transient(name);
		} else if (*s == '%' && !isdigit(s[1])) {
			literal = 1;
		}
	}
	if (!dir_len && transient)
		return "use '<': remove events lack a value in";
	return in_directory ? "remove events lack a value in the directory of" : NULL;
}

/* Reads attribute, which begins with a slash and has len bytes, of the event's device or of its nearest
 * parent that has it. Returns the first line, without blanks at its ends, or NULL if there is none, and on
 * remove. The line is in buf, which has size bytes, and is cut if it is longer. */
const char* FAST_FUNC mdev_value_attribute(const struct mdev_event *ev, const char *attribute, unsigned len,
		char *buf, unsigned size)
{
	char path[MDEV_NAME_MAX];
	char *end = path + snprintf(path, sizeof(path), "%s%s", ev->sys, ev->devpath);
	char *devices = path + strlen(ev->sys);
	int n;

	/* The device's are gone, but a parent may have one of that name */
	if (ev->op == MDEV_OP_REMOVE)
		return NULL;
	/* mdev -s has /dev/char/MAJ:MIN, a link, as DEVPATH */
	if (ENABLE_MDEV && is_prefixed_with(ev->devpath, "/dev/")) {
		const char *s;

		n = readlink(path, buf, size - 1);
		buf[MAX(n, 0)] = '\0';
		s = strstr(buf, "/devices/");
		if (s)
			end = devices + snprintf(devices, path + sizeof(path) - devices, "%s", s);
	}
	if (end + len >= path + sizeof(path))
		return NULL;
	do {
		sprintf(end, "%.*s", len, attribute);
		n = open_read_close(path, buf, size - 1);
		if (n >= 0) {
			buf[n] = '\0';
			*strchrnul(buf, '\n') = '\0';
			trim(buf);
			return buf;
		}
		/* Another parent's value would be wrong if this one cannot be read */
		if (errno != ENOENT && errno != EISDIR && errno != ENOTDIR)
			return NULL;
		*end = '\0';
		end = strrchr(path, '/');
	} while (end > devices);
	return NULL;
}

/* Returns the length of the char at s if it may be in a name: one of udev's safe chars, or
 * UTF-8 (RFC 3629). 0: it may not */
static unsigned safe_length(const char *s)
{
	static const uint32_t min_code[] ALIGN4 = { 0x80, 0x800, 0x10000 };
	unsigned char c = *s;
	unsigned code, i, n;

	if (isalnum(c) || (c && strchr("#+-.:=@_", c)))
		return 1;
	if (c < 0xc0 || c > 0xf7)
		return 0;
	n = 2 + (c >= 0xe0) + (c >= 0xf0);
	code = c & (0x7f >> n);
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = (code << 6) | (s[i] & 0x3f);
	}
	/* Not overlong, too large or a surrogate */
	return (code >= min_code[n - 2] && code <= 0x10ffff && (code & 0xfffff800) != 0xd800) ? n : 0;
}

/* Copies value to dst without blanks at its ends, and replaces chars not allowed in names, as udev
 * does: a byte of a variable by \xNN, of an attribute by '_', blanks of an attribute by one '_'. Cuts it
 * at end. Returns the end of the string. For an attribute, value may be dst. */
char* FAST_FUNC mdev_value_copy(char *dst, char *end, const char *value, int is_attribute)
{
	value = skip_whitespace(value);
	while (*value && dst + sizeof("\\xNN") <= end) {
		const char *next = skip_whitespace(value);
		unsigned len = safe_length(value);

		/* The names of the device mapper are encoded already */
		if (is_attribute && value[0] == '\\' && value[1] == 'x')
			len = 2;
		if (!*next)
			break;
		if (len) {
			memmove(dst, value, len);
			dst += len;
			value += len;
		} else if (is_attribute) {
			*dst++ = '_';
			value = (next > value) ? next : value + 1;
		} else {
			dst += sprintf(dst, "\\x%02x", (unsigned char)*value++);
		}
	}
	*dst = '\0';
	return dst;
}
