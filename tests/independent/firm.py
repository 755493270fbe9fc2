"""Reads and writes the simulated firm with a client that others have written.

Argument: the simulator's first line of output."""

import io
import json
import struct
import sys
import zlib

from wechatpy.enterprise import WeChatClient
from wechatpy.exceptions import WeChatClientException

firm = json.loads(sys.argv[1])


class Client(WeChatClient):
    API_BASE_URL = firm["base_url"]

    def fetch_access_token(self):
        # The library asks WeCom itself, whatever its base address is.
        return self._fetch_access_token(
            url=self.API_BASE_URL + "gettoken",
            params={"corpid": self.corp_id, "corpsecret": self.secret},
        )


def picture():
    """The smallest PNG: one grey pixel."""

    def chunk(kind, data):
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    body = zlib.compress(b"\x00\x80")
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


app = Client(firm["corpid"], firm["secrets"]["app"])
contact = Client(firm["corpid"], firm["secrets"]["contact"])
customer = Client(firm["corpid"], firm["secrets"]["customer"])

departments = app.department.get()
assert len(departments) == 25, departments
staff = app.user.list(101, simple=False)
assert "zhoumin" in {member["userid"] for member in staff}, staff
assert app.user.get("zhoumin")["name"] == "周敏"

contact.user.create("liang", "梁冬", department=[101], mobile="13900000002")
assert app.user.get("liang")["department"] == [101]
contact.user.update("liang", position="顾问")
assert app.user.get("liang")["position"] == "顾问"
tag = app.tag.create("值班")["tagid"]
app.tag.add_users(tag, ["zhoumin", "liang"])
assert len(app.tag.get_users(tag)["userlist"]) == 2

sent = app.message.send_text(firm["agentid"], ["zhoumin"], "你好")
assert sent["errcode"] == 0 and sent["invaliduser"] == "", sent
uploaded = app.media.upload("image", ("a.png", io.BytesIO(picture()), "image/png"))
sent = app.message.send_image(firm["agentid"], "zhoumin", uploaded["media_id"])
assert sent["errcode"] == 0, sent
fetched = app.get("media/get", params={"media_id": uploaded["media_id"]})
assert fetched.content == picture()
assert app.jsapi.get_ticket()["ticket"]

followed = customer.get("externalcontact/get_follow_user_list")["follow_user"]
assert "zhoumin" in followed, followed
customers = customer.get("externalcontact/list", params={"userid": "zhoumin"})
assert customers["external_userid"], customers

contact.user.delete("liang")
try:
    app.user.get("liang")
    raise AssertionError("a deleted member is still there")
except WeChatClientException as gone:
    assert gone.errcode == 60111, gone
try:
    app.user.create("x", "x", mobile="13911111111")
    raise AssertionError("an app wrote to the directory")
except WeChatClientException as refused:
    assert refused.errcode == 48002, refused
print("done")
