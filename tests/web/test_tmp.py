def test_smoke(world):
    w = world.workload()
    print(w)
    r = world.call("POST", "/v1/id-tokens", w["secret"], json={"audience": "sts.amazonaws.com"})
    print(r.status_code, r.headers, r.text)
    r = world.call("GET", "/v1/id-tokens/actions?api-version=2.0", w["secret"])
    print(r.status_code, r.headers, r.text)
    for p in [
        "/keys",
        "/.well-known/openid-configuration",
        "/healthz",
        "/readyz",
        "/nix",
        "/v1/nix",
        "/v1/keys",
        "/v1/audit",
    ]:
        r = world.call("GET", p, world.root)
        print(p, r.status_code, r.headers, r.text[:600])
    r = world.call("PUT", "/v1/organizations", world.root)
    print(r.status_code, r.headers, r.text)
    r = world.call("PUT", "/v1/id-tokens", world.root)
    print(r.status_code, r.headers, r.text)
    r = world.call("POST", "/v1/organizations", world.root, json={"slugg": 1, "name": 3})
    print(r.status_code, r.headers, r.text)
    r = world.call("GET", "/v1/openapi.json")
    print(r.json()["paths"].keys())
    import json

    print(json.dumps(r.json())[:6000])
    assert 0
