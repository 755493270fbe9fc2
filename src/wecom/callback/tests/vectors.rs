//! Known answers: official sample programs (V1, V2) and values that several independent
//! implementations agree on. Every one tests both directions.

/// One exchange.
pub(super) struct Vector {
    pub name: &'static str,
    pub token: &'static str,
    pub aes_key: &'static str,
    pub receive_id: &'static str,
    pub timestamp: &'static str,
    pub nonce: &'static str,
    pub signature: &'static str,
    /// The random bytes it was encrypted with.
    pub random: &'static [u8; 16],
    pub encrypted: &'static str,
    pub plain: &'static str,
    /// Whether it verifies the URL.
    pub echo: bool,
}

#[rustfmt::skip]
pub(super) const VECTORS: [Vector; 7] = [
    Vector {
        name: "V1",
        token: "QDG6eK",
        aes_key: "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C",
        receive_id: "wx5823bf96d3bd56c7",
        timestamp: "1409659589",
        nonce: "263014780",
        signature: "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3",
        random: b"c41b64491c2468d0",
        encrypted: "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvna\
         qQ==",
        plain: "1616140317555161061",
        echo: true,
    },
    Vector {
        name: "V2",
        token: "QDG6eK",
        aes_key: "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C",
        receive_id: "wx5823bf96d3bd56c7",
        timestamp: "1409659813",
        nonce: "1372623149",
        signature: "477715d11cdb4164915debcba66cb864d751f3e6",
        random: b"0960688932c47ef1",
        encrypted: "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3\
         QczcdCUpj911L3vg3W/sYYvuJTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48\
         kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izo\
         un1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUa\
         x5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl\
         /T8Z1ptDAVe0lXdQ2YoyyH2uyPIGHBZZIs2pDBS8R07+qN+E7Q==",
        plain: r#"<xml><ToUserName><![CDATA[wx5823bf96d3bd56c7]]></ToUserName>
<FromUserName><![CDATA[mycreate]]></FromUserName>
<CreateTime>1409659813</CreateTime>
<MsgType><![CDATA[text]]></MsgType>
<Content><![CDATA[hello]]></Content>
<MsgId>4561255354251345929</MsgId>
<AgentID>218</AgentID>
</xml>"#,
        echo: false,
    },
    Vector {
        name: "V3",
        token: "123456",
        aes_key: "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR",
        receive_id: "wx49f0ab532d5d035a",
        timestamp: "1411525903",
        nonce: "461056294",
        signature: "407518b7649e86ef23978113f92d27afa9296533",
        random: b"1234567890123456",
        encrypted: "9s4gMv99m88kKTh/H8IdkOiMg6bisoy3ypwy9H4hvSPe9nsGaqyw5hhSjdYbcrKk+j3nba4HMOTzHrluLBYq\
         xgNcBqGsL8GqxlhZgURnAtObvesEl5nZ+uBE8bviY0LWke8Zy9V/QYKxNV2FqllNXcfmstttyIkMKCCmVbCF\
         M2JTF5wY0nFhHZSjPUL2Q1qvSUCUld+/WIXrx0oyKQmpB6o8NRrrNrsDf03oxI1p9FxUgMnwKKZeOA/uu+2I\
         EvEBtb7muXsVbwbgX05UPPJvFurDXafG0RQyPR+mf1nDnAtQmmNOuiR5MIkdQ39xn1vWwi1O5oazPoQJz0nT\
         YjxxEE8kv3kFxtAGVRe3ypD3WeK2XeFYFMNMpatF9XiKzHo3",
        plain: r#"<xml>
<MsgType><![CDATA[text]]></MsgType>
<Content><![CDATA[test]]></Content>
<FromUserName><![CDATA[wx49f0ab532d5d035a]]></FromUserName>
<ToUserName><![CDATA[messense]]></ToUserName>
<AgentID>1</AgentID>
<CreateTime>1411525903</CreateTime>
</xml>"#,
        echo: false,
    },
    Vector {
        name: "V4",
        token: "123456",
        aes_key: "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR",
        receive_id: "wx49f0ab532d5d035a",
        timestamp: "1411525903",
        nonce: "461056294",
        signature: "74d92dfeb87ba7c714f89d98870ae5eb62dff26d",
        random: b"ec90b1530358d4d3",
        encrypted: "RgqEoJj5A4EMYlLvWO1F86ioRjZfaex/gePD0gOXTxpsq5Yj4GNglrBb8I2BAJVODGajiFnXBu7mCPatfjsu\
         6IHCrsTyeDXzF6Bv283dGymzxh6ydJRvZsryDyZbLTE7rhnus50qGPMfp2wASFlzEgMW9z1ef/RD8XzaFYgm\
         7iTdaXpXaG4+BiYyolBug/gYNx410cvkKR2/nPwBiT+P4hIiOAQqGp/TywZBtDh1yCF2KOd0gpiMZ5jSw3e2\
         9mTvmUHzkVQiMS6td7vXUaWOMZnYZlF3So2SjHnwh4jYFxdgpkHHqIrH/54SNdshoQgWYEvccTKe7FS709/5\
         t6NMxuGhcUGAPOQipvWTT4dShyqio7mlsl5noTrb++x6En749zCpQVhDpbV6GDnTbcX2e8K9QaNWHp91eBdC\
         RxthuL0=",
        plain: r#"<xml><ToUserName><![CDATA[wx49f0ab532d5d035a]]></ToUserName>
<FromUserName><![CDATA[messense]]></FromUserName>
<CreateTime>1411525903</CreateTime>
<MsgType><![CDATA[text]]></MsgType>
<Content><![CDATA[test]]></Content>
<MsgId>4363689963896700987</MsgId>
<AgentID>1</AgentID>
</xml>"#,
        echo: false,
    },
    Vector {
        name: "V5",
        token: "kjr2TKI8umCBfVF3wAHk8JiPwma5VBme",
        aes_key: "4Ma3YBrSBbX2aez8MJpXGBne5LSDwgGqHbhM9WPYIws",
        receive_id: "ww6a112864f8022910",
        timestamp: "1583940690",
        nonce: "VHh7ymSeb0jc4lSb",
        signature: "1ba3cb09c0d2c2b3ed6900d37f91a6efae6cb011",
        random: b"5QMsYcwjR95t2vmC",
        encrypted: "6KmUQuPVu7UhjyVqRdbo5SfcRqaHvbUlKSHFvBV2ZuR6TIlKsygcfeSd1GDplg1C5KSKr6UPHCaC/nIX3ZNt\
         9w==",
        plain: "94966531020182955848408",
        echo: true,
    },
    Vector {
        name: "V6",
        token: "kz7Yx62CH8SaLN",
        aes_key: "cD0d7jx4tYvVtzqrmh3Dm3QFCXe6f8SlHoMtMh3qQEP",
        receive_id: "wwf181555a13a31443",
        timestamp: "1583995625",
        nonce: "1584392382",
        signature: "a44d1b7dc3dc4b02edd99dc32afa6a26be7c92f6",
        random: b"165537226266209e",
        encrypted: "fyVN9BUnH6xNl0/VCHTCg6XGxxvoFdyZ7VQbAbBcQ79dVccYvdIyJYZSMMhkPy8LPaoe+V27qjoQ553fXavm\
         rPOgxzHrKKf3YIu63pB4/nN0LY4S+GzUFi/LLFj1TI1sOh0q2jT5u1nYz5G3HFNLd3DFUvJVLtZl8mVMwUOz\
         BpzKZhhmCvIJLVlvym9tt+VYwG06MSbmnf9AzYFKhm1BIy+95Q824ilY6Wy8l+vkFqEdASl2k83jMXvlkVRS\
         B3hmNptWTbq8ygDdLtkCyA4UEiZvfTskqqVkbYwLptRl/1F+DVL9SH/TWt2j3dCm4rzY5jQG+fA+2xh2Kk+O\
         rVgafqtQCfhjq8C38A2IwCcg2BONKk8s5ijFxQoszmXvJQ3zLYbjzRWQ40xhryDyPNNse7/slKVW2QMBEUPN\
         OxUcX9k=",
        plain: r#"<xml><ToUserName><![CDATA[wwf181555a13a31443]]></ToUserName><FromUserName><![CDATA[xen0n]]></FromUserName><CreateTime>1583995625</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[x123]]></Content><MsgId>2018405441</MsgId><AgentID>1000002</AgentID></xml>"#,
        echo: false,
    },
    Vector {
        name: "V7",
        token: "123456",
        aes_key: "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR",
        receive_id: "wx49f0ab532d5d035a",
        timestamp: "1411443780",
        nonce: "437374425",
        signature: "dd6b9c95b495b3f7e2901bfbc76c664930ffdb96",
        random: b"2304fc2fe146f1f8",
        encrypted: "4ByGGj+sVCYcvGeQYhaKIk1o0pQRNbRjxybjTGblXrBaXlTXeOo1+bXFXDQQb1o6co6Yh9Bv41n7hOchLF6p\
         +Q==",
        plain: "5927782489442352469",
        echo: true,
    },
];
